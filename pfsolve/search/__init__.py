"""The mathematics: searches over particles as pure generators. numpy only; no strings, no models, no I/O."""
