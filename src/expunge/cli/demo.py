"""`expunge demo`: the main job on real people."""


def demo() -> None:
    """Run the demo."""
