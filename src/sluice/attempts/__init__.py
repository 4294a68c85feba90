"""Models that other runs of CI have judged on the same rows, and the gate that counts them."""
