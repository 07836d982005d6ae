"""Looking back: conversations, their branches and export, and what a citation stands on."""
