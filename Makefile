# make lab        set up, then open the course in JupyterLab
# make test       set up, then run the unit tests and compare every notebook with its stored output
# make notebooks  execute every notebook again and store its output
# make browser    open every notebook in JupyterLab in Chromium, as a notebook and as slides; about twenty minutes
# make faults     put deliberate faults into copies of the package, and see whether the unit tests notice them
PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
BIN := .venv/bin
# JupyterLab refuses to run as root unless told; without a display it prints its address instead of opening a browser.
LAB := $(if $(filter 0,$(shell id -u)),--allow-root) $(if $(DISPLAY)$(WAYLAND_DISPLAY)$(filter Darwin,$(shell uname)),,--no-browser)

# Jupyter, IPython, matplotlib and pip keep nothing in the user's home.
export IPYTHONDIR := $(CURDIR)/.venv/var/ipython
export JUPYTER_CONFIG_DIR := $(CURDIR)/.venv/var/jupyter
export JUPYTER_DATA_DIR := $(CURDIR)/.venv/var/jupyter-data
export JUPYTER_RUNTIME_DIR := $(CURDIR)/.venv/var/jupyter-runtime
export MPLCONFIGDIR := $(CURDIR)/.venv/var/matplotlib

.PHONY: lab test notebooks browser faults
lab: .venv/installed
	cd notebooks && ../$(BIN)/jupyter lab $(LAB)

test: .venv/installed
	$(BIN)/pytest --nbval --numprocesses 2

notebooks: .venv/installed
	$(BIN)/python -m alexnet_helpers notebooks

browser: .venv/browser
	$(BIN)/pytest -m browser --numprocesses 2 --dist worksteal tests/test_browser.py

faults: .venv/installed
	$(BIN)/python tests/inject_faults.py $(FAULTS)

.venv/browser: .venv/installed
	$(BIN)/pip install --no-cache-dir --editable '.[browser]'
	touch $@

.venv/installed: pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { echo "No Python found at '$(PYTHON)': install Python 3.11, or run 'make PYTHON=/path/to/python3.11 ...'."; exit 1; }
	@"$(PYTHON)" -c "import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else 'The course needs Python 3.11 (d2l 1.0.3 does not install on later ones), but $(PYTHON) is ' + sys.version.split()[0] + '.\nInstall Python 3.11 and run \'make PYTHON=/path/to/python3.11 ...\', or use conda: conda env create -f environment.yml')"
	"$(PYTHON)" -m venv .venv
	$(BIN)/pip install --no-cache-dir --editable .
	touch $@
