"""Pack a repository into one file that a language model can read, and read such packs.

`pack_checkout` copies the text files of a `Checkout` into a temporary folder, leaves out what must
not be packed, writes one XML or Markdown file, and compares what it wrote with what it copied.
`PackShelf` keeps the packs of a workspace, and `page_of` shows their files, byte for byte.
"""
