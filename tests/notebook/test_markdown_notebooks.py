"""Notebooks as Markdown and as Python in the percent form, as jupytext writes them."""

from __future__ import annotations

import pytest

from jobnb import NotebookError
from jobnb.notebook.document import read_notebook
from jobnb.notebook.headless import execute_notebook
from jobnb.notebook.location import load_definitions

MARKDOWN = """\
---
jupyter:
  jupytext:
    text_representation:
      extension: .md
      format_name: markdown
      format_version: '1.3'
      jupytext_version: 1.19.6
  kernelspec:
    display_name: Python 3
    language: python
    name: python3
---

<!-- #region -->
# Shop

A fence in a text:

```python
raise ValueError("never run")
```
<!-- #endregion -->

```python
from jobnb import asset, job, op
%matplotlib inline
```

```python tags=["explore"]
raise ValueError('explored')
```

```python tags=["keep", "parameters"] name="x"
@asset
def orders():
    \"\"\"What was sold:

    ```
    x
    ```
    \"\"\"
    return 1
```

<!-- #raw -->
raw
<!-- #endraw -->

two

```python
!ls
```

```bash
ls
```
"""

MYST = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  name: python3
  language: python
  display_name: Python 3
---

# Shop

```bash
ls
```

```{code-cell}
from jobnb import asset, job, op
%matplotlib inline
```

```{code-cell} ipython3
:tags: [explore]

raise ValueError('explored')
```

```{code-cell}
---
tags: [explore, plot]
name: y
---
raise ValueError('explored, too')
```

```{code-cell}
:tags: [keep, parameters]
:name: x

@asset
def orders():
    return 1
```

two

+++

paragraphs
"""

PERCENT = """\
# ---
# jupyter:
#   kernelspec:
#     name: python3
# ---

# %% [markdown]
# # Shop

# %%
from jobnb import asset, job, op
# %matplotlib inline

# %% tags=["explore"]
raise ValueError('explored')


# %% tags=["keep", "parameters"] name="x"
@asset
def orders():
    return 1
"""


def write(tmp_path, text, name):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_fences_of_python_are_cells_with_their_tags(tmp_path):
    node = read_notebook(write(tmp_path, MARKDOWN, "shop.md"))
    code = [cell for cell in node.cells if cell.cell_type == "code"]
    assert [cell.metadata.get("tags", []) for cell in code] == [
        [], ["explore"], ["keep", "parameters"], [],
    ]  # fmt: skip
    assert code[0].source == "from jobnb import asset, job, op\n%matplotlib inline"
    assert "    ```\n    x\n    ```\n" in code[2].source
    words = [cell.source for cell in node.cells if cell.cell_type == "markdown"]
    assert words[0].startswith("# Shop\n\nA fence in a text:")
    assert words[0].endswith("```")
    assert words[1:] == ["raw\n\ntwo", "```bash\nls\n```"]
    assert node.metadata.kernelspec.name == "python3"


def test_the_same_in_the_form_of_myst(tmp_path):
    node = read_notebook(write(tmp_path, MYST, "shop.md"))
    code = [cell for cell in node.cells if cell.cell_type == "code"]
    assert [cell.metadata.get("tags", []) for cell in code] == [
        [], ["explore"], ["explore", "plot"], ["keep", "parameters"],
    ]  # fmt: skip
    assert code[1].source == "raise ValueError('explored')"
    assert code[2].source == "raise ValueError('explored, too')"
    assert code[3].source.startswith("@asset\n")
    words = [cell.source for cell in node.cells if cell.cell_type == "markdown"]
    assert words == ["# Shop\n\n```bash\nls\n```", "two\n\n\nparagraphs"]


@pytest.mark.parametrize(
    ("text", "name"), [(MARKDOWN, "shop.md"), (MYST, "shop.md"), (PERCENT, "shop.py")]
)
def test_each_form_defines_without_its_cells_that_explore(tmp_path, text, name):
    definitions = load_definitions(write(tmp_path, text, name))
    assert [key.to_user_string() for key in definitions.assets_by_key] == ["orders"]


def test_errors_keep_their_lines_where_a_cell_is_left_out(tmp_path):
    path = write(tmp_path, PERCENT + "\nraise KeyError('no')\n", "shop.py")
    with pytest.raises(NotebookError, match=rf"line {len(PERCENT.splitlines()) + 2} raised KeyErr"):
        load_definitions(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Only words\n", "has no code: begin a fence with ```python"),
        ("---\na: [\n---\n```python\nx = 1\n```\n", "The header of .* is no YAML"),
        ("```python\ndef\n```\n", "line 1: invalid syntax"),
    ],
)
def test_markdown_that_is_no_notebook_is_told(tmp_path, text, said):
    with pytest.raises(NotebookError, match=said):
        load_definitions(write(tmp_path, text, "shop.md"))


def test_other_tags_can_be_the_ones_that_explore(tmp_path, monkeypatch):
    text = MARKDOWN.replace('"explore"', '"scratch"').replace("%matplotlib inline\n", "")
    path = write(tmp_path, text, "shop.md")
    with pytest.raises(NotebookError, match="explored"):
        load_definitions(path)
    monkeypatch.setenv("JOBNB_EXPLORE_TAGS", "plot, scratch")
    assert len(load_definitions(path).assets) == 1
    monkeypatch.delenv("JOBNB_EXPLORE_TAGS")
    own = path.read_text().replace("jupyter:\n", "jupyter:\n  jobnb: {explore_tags: [scratch]}\n")
    path.write_text(own)
    assert len(load_definitions(path).assets) == 1


def test_markdown_is_executed_with_a_job(tmp_path):
    text = MARKDOWN.replace("raise ValueError('explored')", "explored = 1")
    path = write(tmp_path, text, "shop.md")
    outcome = execute_notebook(path, selection="orders", output=tmp_path / "out.ipynb")
    assert outcome.success, outcome.problem
    assert [run.title for run in outcome.runs] == ["materialize orders"]
    assert read_notebook(tmp_path / "out.ipynb").cells[1].execution_count == 1
    with pytest.raises(NotebookError, match="what was executed is an .ipynb file"):
        execute_notebook(path, output=tmp_path / "out.md")
    assert path.read_text() == text
