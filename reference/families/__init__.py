"""One module per family of losses; importing it registers its cases."""
