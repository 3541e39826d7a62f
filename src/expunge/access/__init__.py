"""Who may do what: the policy of one workspace."""
