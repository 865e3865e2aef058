"""Where a person stands in each journey, and the one door to the channels (`contact`)."""
