"""The sources that are searched: one module per source, each with `ask`; `remote` lists them."""
