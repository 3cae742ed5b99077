"""What Python code of a workflow depends on: `run:` blocks, scripts, notebooks and wrappers.

::

    run            `run:` blocks            scripts        scripts, notebooks, wrappers
      bytecode       what code objects read   python_source  what Python sources read
      globals_read   globals, recursively     modules        what they import
      values         values of all kinds      interpreters   their software
                                              notebooks      their cells as Python
    reading        files, programs, variables and config that code of either kind names
"""
