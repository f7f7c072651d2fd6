"""Where existing programs import the bindings from."""
