"""The page that `asr serve` shows at /: its HTML, style and scripts."""
