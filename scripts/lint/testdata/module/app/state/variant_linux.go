package state // want-file build
