"""What was measured: score records, the table over them, the plots of them."""
