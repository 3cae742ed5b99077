package Outer; use Deep::Inner; sub x { Deep::Inner::x() } 1;
