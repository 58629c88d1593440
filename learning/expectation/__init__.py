"""An algebra of expectations: variables with what is declared of them, and moves that are named one by one."""
