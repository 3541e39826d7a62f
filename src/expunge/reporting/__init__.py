"""The report: one HTML page that goes with a reply, made from a verified certificate alone.

`page.render` takes what `expunge.certificates.verify` returned and nothing else, so the page cannot say more than was
signed and checked. `words` puts the statement into the sentences of the page, `glance` into its first lines, `plots`
draws its figures, and ``template.html`` only sets them out.

Invariants
----------
- A check that was not run, or that the certificate does not name, reads NOT RUN (DESIGN promise 2).
- An Exact model whose replay was not run reads "by construction; not replayed"; an Empirical one is never "erased".
- The page is self-contained: no script, no request to anywhere. Equal certificates give equal bytes.
- Names come from users: they are escaped, and stand in no figure.
"""
