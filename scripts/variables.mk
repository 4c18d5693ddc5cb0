# Which variables of the kit were given on the command line, and what is done with the others. Pure make: it is read
# before anything is installed.

GIVEN := $(foreach v,$(.VARIABLES),$(if $(findstring command line,$(origin $v)),$v))
# TorchServe's own settings, those of CUDA and of the shell are not ours to know. A make that runs this one hands on its
# own variables, too.
UNKNOWN := $(if $(filter 0,$(MAKELEVEL)),$(filter-out $(VARIABLES) TS_% CUDA_% MAKE% SHELL,$(GIVEN)))
ifneq ($(UNKNOWN),)
$(error $(shell python3 scripts/nearest.py $(UNKNOWN) -- $(VARIABLES)))
endif

EXPORTED := $(strip $(foreach v,$(VARIABLES),$(if $(filter environment,$(origin $v)),$(if $(filter 0,$(MAKELEVEL)),$v))))
ifneq ($(EXPORTED),)
$(shell printf 'note: %s\n' "taken from the environment: $(EXPORTED)" >&2)
endif

# `make bundle PYTHON=3.11` is the old spelling of BOX_PYTHON.
SETUP_PYTHON = $(if $(filter 3.%,$(PYTHON)),python3,$(PYTHON))
SETUP_GIVEN = $(foreach v,PYTHON TORCH_INDEX,$(if $(filter $v,$(GIVEN)),$(if $(filter PYTHON=3.%,$v=$(PYTHON)),,--given=$v)))
