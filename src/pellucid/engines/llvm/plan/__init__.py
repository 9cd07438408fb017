"""What runs when, and where every value lives: from a program's statements to phases of nests of loops."""
