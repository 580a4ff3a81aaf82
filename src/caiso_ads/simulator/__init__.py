"""An ADS to practise against: real TLS, real cadence, faults on demand. Undocumented behaviour is a labelled switch."""
