"""The page of a plan, as a browser shows it."""

from __future__ import annotations

import re

import pytest

from planform.core.errors import Span
from planform.core.guards import Limit
from planform.core.plan import Action, Plan
from planform.core.values import Sensitive
from planform.render.plan_html import html
from tests.chromium import Chromium
from tests.render.samples import change, mixed_plan, plan_of
from tests.render.test_markdown import five_thousand

HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
VISIBLE = """
const visible = () => [...document.querySelectorAll('details.change')].filter((item) => !item.hidden)
  .map((item) => item.querySelector('.address').firstChild.textContent);
const type = (text) => { const field = document.querySelector('#search'); field.value = text;
  field.dispatchEvent(new Event('input')); };
const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
const here = () => document.activeElement.closest('details.change')?.querySelector('.address').firstChild.textContent
  ?? document.activeElement.id;
"""


def reviewed() -> Plan:
    needs = {"trainer.digits": ("job_queue.main",), "job_queue.main": ("service_environment.cpu",)}
    return mixed_plan()._replace(dependencies=needs)


def test_it_needs_nothing_else_and_holds_no_secret() -> None:
    page = html(reviewed())
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#)|url\((?!#)|@import|https?://(?!www\.w3\.org/2000/svg)", page)
    assert "hunter" not in page
    assert "Plan id <b><code>9f3c2a</code></b>" in page


def test_what_is_destroyed_stands_first(chromium: Chromium) -> None:
    said = chromium.run(html(reviewed()), VISIBLE + "return [visible(), document.querySelector('.said').textContent]")
    assert said[0][:3] == ["planform_data.old", "job_queue.q", 'trainer.digits["fast"]']
    assert said[1].startswith("Plan: 0 to create, 1 to change, 1 to replace, 1 to destroy; 1 new run")


def test_search_finds_addresses_and_values(chromium: Chromium) -> None:
    steps = """
    const seen = []; const note = () => seen.push([visible(), document.querySelector('#found').textContent]);
    type('learning_rate 0.05'); note();
    type('QUEUE'); note();
    type('no such thing'); note();
    seen.push(document.querySelector('.nothing-found').hidden);
    type(''); note();
    return seen;
    """
    found = chromium.run(html(reviewed()), VISIBLE + steps)
    assert found[0] == [['trainer.digits["fast"]'], "1 of 8"]
    assert found[1] == [["job_queue.q", "job_queue.main"], "2 of 8"]
    assert found[2] == [[], "0 of 8"]
    assert found[3] is False
    assert len(found[4][0]) == 8


def test_kinds_are_chosen_by_buttons_that_say_whether_they_are_pressed(chromium: Chromium) -> None:
    steps = """
    const button = document.querySelector('button[data-kind=delete]');
    button.click();
    const first = [visible(), button.getAttribute('aria-pressed')];
    document.querySelector('button[data-kind=run]').click();
    const second = visible();
    button.click();
    return [first, second, visible(), button.getAttribute('aria-pressed')];
    """
    found = chromium.run(html(reviewed()), VISIBLE + steps)
    fast, old = 'trainer.digits["fast"]', "planform_data.old"
    assert found == [[[old], "true"], [old, fast], [fast], "false"]


def test_it_is_read_by_keyboard(chromium: Chromium) -> None:
    steps = """
    const seen = []; const count = () => document.querySelectorAll('details.change[open]').length;
    press('/'); seen.push(here());
    type('queue'); press('Escape'); seen.push(visible().length);
    press('j'); seen.push(here()); press('j'); seen.push(here()); press('k'); seen.push(here());
    press('c'); seen.push(count()); press('e'); seen.push(count());
    const summary = document.activeElement; summary.click(); seen.push(summary.parentElement.open);
    return seen;
    """
    found = chromium.run(html(reviewed()), VISIBLE + steps)
    assert found == ["search", 8, "planform_data.old", "job_queue.q", "planform_data.old", 0, 8, False]


def test_a_box_of_the_graph_leads_to_its_change(chromium: Chromium) -> None:
    steps = """
    document.querySelector('#fold').click();
    type('nothing');
    const link = [...document.querySelectorAll('.graph a')].find((item) => item.textContent.includes('main'));
    const target = document.querySelector(link.getAttribute('href'));
    location.hash = link.getAttribute('href');
    dispatchEvent(new HashChangeEvent('hashchange'));
    return [target.open, target.hidden, here(), document.querySelectorAll('.graph path.arrow').length];
    """
    assert chromium.run(html(reviewed()), VISIBLE + steps) == [True, False, "job_queue.main", 2]


def test_text_stays_text(chromium: Chromium) -> None:
    plan = plan_of(
        change("planform_data.a", Action.UPDATE, {"input": "x"}, {"input": HOSTILE}),
        change("planform_data.b", Action.CREATE, None, {HOSTILE: Sensitive("hunter2")}),
        name="digits</title><script>document.title = 'taken'</script>",
    )
    title, images, scripts = chromium.run(
        html(plan), "return [document.title, document.images.length, document.scripts.length]"
    )
    assert title.startswith("planform plan: digits</title><script>")
    assert (images, scripts) == (0, 2)  # its own, and that of this test


@pytest.mark.parametrize("width", [500, 1200])
def test_nothing_is_wider_than_the_window(chromium: Chromium, width: int) -> None:
    long = change("planform_data." + "long_name_" * 30, Action.CREATE, None, {"input": "word" * 500})
    plan = reviewed()._replace(changes=(*reviewed().changes, long))
    steps = "return [document.documentElement.scrollWidth, innerWidth]"
    wide, window = chromium.run(html(plan), steps, width=width)
    assert wide <= window


def test_it_is_light_or_dark_as_the_reader_likes(chromium: Chromium) -> None:
    # Brightness of page and ink, and the contrast of all texts with what is behind them (WCAG 2, level AA: 4.5).
    steps = """
    const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = (text) => { const [r, g, b] = rgb(text).map((c) => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
      return .2126 * r + .7152 * g + .0722 * b; };
    const behind = (item) => { for (; item; item = item.parentElement) { const colour = getComputedStyle(item).backgroundColor;
      if ((rgb(colour)[3] ?? 1) > .5) return colour; } };
    const poor = [];
    for (const item of document.querySelectorAll('header *, .kind, .address, .headline, .place, .row, .row i, button, kbd, footer, li, h2, small, summary')) {
      if (!item.textContent.trim()) continue;
      const [a, b] = [light(getComputedStyle(item).color), light(behind(item))].sort((x, y) => y - x);
      const contrast = (a + .05) / (b + .05);
      if (contrast < 4.5) poor.push([item.className || item.tagName, item.textContent.trim().slice(0, 20), contrast]);
    }
    return [light(getComputedStyle(document.body).backgroundColor), poor];
    """
    page = html(reviewed())
    light, poor = chromium.run(page, steps)
    assert light > 0.9
    assert poor == []
    dark, poor = chromium.run(page, steps, dark=True)
    assert dark < 0.02
    assert poor == []


def test_it_is_well_formed_for_readers_of_screens(chromium: Chromium) -> None:
    steps = """
    const ids = [...document.querySelectorAll('[id]')].map((item) => item.id);
    const unnamed = [...document.querySelectorAll('button, input, a, summary, nav, [role=group]')].filter((item) =>
      !(item.textContent.trim() || item.getAttribute('aria-label') || item.getAttribute('aria-labelledby')));
    const levels = [...document.querySelectorAll('h1, h2, h3')].map((item) => Number(item.tagName[1]));
    return [ids.length - new Set(ids).size, unnamed.length, document.documentElement.lang, levels,
      document.querySelectorAll('main').length, document.querySelector('#found').getAttribute('role')];
    """
    assert chromium.run(html(reviewed()), steps) == [0, 0, "en", [1, 2], 1, "status"]


def test_five_thousand_changes_open_and_are_searched_at_once(chromium: Chromium) -> None:
    page = html(five_thousand())
    assert len(page) < 4_000_000
    steps = "type('old[7'); return [visible().length, document.querySelectorAll('details.change').length]"
    assert chromium.run(page, VISIBLE + steps) == [11, 5000]


def test_no_changes(chromium: Chromium) -> None:
    plan = plan_of(change("planform_data.a", Action.NO_OP, {"input": 1}, {"input": 1}))
    text = chromium.run(html(plan), "return document.querySelector('.none').innerText")
    assert text == "No changes. 1 resource is as the files say."
    assert "Plan id" not in html(plan)


def test_a_plan_that_is_refused_says_so_at_the_top(chromium: Chromium) -> None:
    limit = Limit("max_new_runs", 1, 2, Span("main.pf.yaml", 3, 1), (("trainer.a", 1.0), ("trainer.b", 1.0)))
    found = chromium.run(html(reviewed()._replace(limits=(limit,))), "return document.body.innerText")
    assert "Over max_new_runs" in found
    assert "Apply refuses this plan without --accept-limit max_new_runs." in found
    assert found.index("Over max_new_runs") < found.index("trainer.digits")


def test_the_legend_of_a_small_graph_is_not_cut(chromium: Chromium) -> None:
    changes = [
        change(f"planform_data.{name}", action, {}, {}) for name, action in (("a", Action.UPDATE), ("b", Action.DELETE))
    ]
    steps = """
    const edge = document.querySelector('.graph svg').getBoundingClientRect().right;
    return [...document.querySelectorAll('.graph text.legend')].map((text) => text.getBoundingClientRect().right <= edge);
    """
    assert (
        chromium.run(html(plan_of(*changes, change("planform_data.c", Action.CREATE, None, {}))), steps) == [True] * 3
    )
