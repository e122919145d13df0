"""Papers: search many sources at once, merge and judge the results, and store them in a library."""
