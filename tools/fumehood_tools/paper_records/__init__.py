"""What a paper found, as records: candidates by rule, items held to the text, comparison."""
