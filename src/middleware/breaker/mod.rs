mod circuit;
