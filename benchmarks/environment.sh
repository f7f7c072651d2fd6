# What the benchmarks' scripts source. They set `here`, the folder of this file; it sets `cache` and makes that folder.
cache=$here/.cache
mkdir -p "$cache"
echo '*' > "$cache/.gitignore"

# environment NAME STAMP-SOURCE PACKAGE...: a virtual environment, installed anew when its source is newer.
environment() {
  local venv=$cache/$1 source=$2
  shift 2
  if [[ ! $venv/.installed -nt $source ]]; then
    [[ -x $venv/bin/python ]] || "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/python" -m pip --disable-pip-version-check --quiet install --upgrade "$@"
    touch "$venv/.installed"
  fi
}
