# make lab        set up, then open the course in JupyterLab
# make test       set up, then run the unit tests and compare every notebook with its stored output
# make notebooks  execute every notebook again and store its output
# make site       write the course as pages of HTML into site/, from the stored outputs
# make browser    open every notebook in JupyterLab in Chromium, as a notebook and as slides, and every page of the site;
#                 about twenty minutes
# make faults     change the library in small ways, one at a time (mutants), and list the changes that no unit test notices:
#                 every tenth of some 13,000; of a module, FAULTS='*.models.*'; FAULTS= all that are left, for hours.
#                 It may be stopped at any time, after half an hour say, and goes on from there
#
# make PYTHON=/path/to/python lab   another Python than the one found; the environment is then made anew
# make test CONSTRAINTS=            the newest versions that pyproject.toml allows, in an environment of their own
CONSTRAINTS := constraints.txt
VENV := $(if $(CONSTRAINTS),.venv,.venv-newest)
BIN := $(VENV)/bin
# The course is tried with Python 3.11 to 3.14. The environment that is there comes first, then the newest Python that runs:
# pyenv's commands exist for Pythons that do not. If none suits, the message below names the first that runs at all.
SUITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
FOUND = $(shell for suits in '$(SUITS)' ''; do for python in $(BIN)/python python3.14 python3.13 python3.12 python3.11 \
	python3 python; do "$$python" -c "$$suits" 2>/dev/null && echo "$$python" && exit; done; done)
PYTHON := $(or $(PYTHON),$(FOUND))
WHICH := import sys; print(sys.base_prefix, sys.version)
# JupyterLab refuses to run as root unless told; without a display it prints its address instead of opening a browser.
LAB := $(if $(filter 0,$(shell id -u)),--allow-root) $(if $(DISPLAY)$(WAYLAND_DISPLAY)$(filter Darwin,$(shell uname)),,--no-browser)

# Jupyter, IPython, matplotlib and pip keep nothing in the user's home. pip's own variables, such as PIP_EXTRA_INDEX_URL, hold.
export IPYTHONDIR := $(CURDIR)/$(VENV)/var/ipython
export JUPYTER_CONFIG_DIR := $(CURDIR)/$(VENV)/var/jupyter
export JUPYTER_DATA_DIR := $(CURDIR)/$(VENV)/var/jupyter-data
export JUPYTER_RUNTIME_DIR := $(CURDIR)/$(VENV)/var/jupyter-runtime
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/var/matplotlib

.PHONY: lab test notebooks site browser faults always
lab: $(VENV)/installed
	cd notebooks && ../$(BIN)/jupyter lab $(LAB)

test: $(VENV)/installed
	$(BIN)/pytest --nbval --numprocesses 2

notebooks: $(VENV)/installed
	$(BIN)/python -m alexnet_helpers.maintain notebooks

site: $(VENV)/installed
	$(BIN)/python -m alexnet_helpers.maintain site

browser: $(VENV)/browser
	$(BIN)/pytest -m browser --numprocesses 2 --dist worksteal tests/notebooks/test_browser.py \
		tests/maintain/test_site_in_browser.py

FAULTS := *7
faults: $(VENV)/faults
	mkdir -p mutants
	OMP_NUM_THREADS=1 PYTHONPATH="$(CURDIR)/mutants" $(BIN)/mutmut run $(FAULTS:%='%')
	$(BIN)/mutmut results | grep -v 'not checked'; $(BIN)/mutmut results --all true | sed 's/.*: //' | sort | uniq -c

PIP_INSTALL := $(BIN)/python -m pip install --no-cache-dir

$(VENV)/browser $(VENV)/faults: $(VENV)/installed
	$(PIP_INSTALL) $(CONSTRAINTS:%=--constraint %) --editable '.[test,$(@F)]'
	touch $@

# d2l comes last and alone: the old versions that it pins would replace the others. JupyterLab's question about news is answered.
$(VENV)/installed: pyproject.toml $(or $(CONSTRAINTS),always) $(VENV)/python
	$(PIP_INSTALL) $(or $(CONSTRAINTS:%=--constraint %),--upgrade --upgrade-strategy eager) --editable '.[test]'
	$(PIP_INSTALL) --no-deps d2l==1.0.3
	mkdir -p $(JUPYTER_CONFIG_DIR)/labconfig
	echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}' \
		> $(JUPYTER_CONFIG_DIR)/labconfig/default_setting_overrides.json
	touch $@

# Made anew when the Python is another one than before, or no longer runs.
$(VENV)/python: always
	@"$(PYTHON)" -c "" 2>/dev/null || { echo "Found no Python that runs$(if $(PYTHON), at $(PYTHON)): install Python 3.13, or run 'make PYTHON=/path/to/python ...'."; exit 1; }
	@"$(PYTHON)" -c "$(SUITS)" || { echo "The course is tried with Python 3.11 to 3.14, but $(PYTHON) is $$("$(PYTHON)" --version 2>&1)."; \
		echo "Install one of these and run 'make PYTHON=/path/to/python ...', or use conda: see environment.yml."; exit 1; }
	@[ -e $@ ] && [ "$$("$(PYTHON)" -c "$(WHICH)")" = "$$($(BIN)/python -c "$(WHICH)" 2>/dev/null)" ] \
		|| { rm -f $@; echo "Making $(VENV) with $$("$(PYTHON)" --version)"; "$(PYTHON)" -m venv --clear $(VENV) && touch $@; }
