"""The account tree: no circles, and whom an account may leave its invoice and its payment to."""

from dataclasses import replace

import pytest

from domain.account_tree import AccountTree, Lean, TreeAccount
from domain.errors import InvalidInput, NotFound


def an_account(code: str, parent: str | None = None, **changes: str) -> TreeAccount:
    """An active postpaid account in INR that stands for itself."""
    account = TreeAccount(code, "Acme", "INR", "postpaid", "active", parent, code, code)
    return replace(account, **changes)


def a_tree(*accounts: TreeAccount) -> AccountTree:
    return AccountTree({account.code: account for account in accounts})


GROUP = a_tree(
    an_account("group"),
    an_account("india", "group"),
    an_account("mumbai", "india"),
    an_account("pune", "india"),
    an_account("other"),
)


def test_the_accounts_above_one_are_told_from_the_nearest_to_the_top():
    assert list(GROUP.above("mumbai")) == ["india", "group"]
    assert list(GROUP.above("group")) == []


def test_the_tree_is_told_from_the_top_by_code_with_depths_whole_or_from_an_account_down():
    assert [(depth, one.code) for depth, one in GROUP.from_top()] == [
        (0, "group"), (1, "india"), (2, "mumbai"), (2, "pune"), (0, "other"),
    ]  # fmt: skip
    assert [(depth, one.code) for depth, one in GROUP.from_top("india")] == [(0, "india"), (1, "mumbai"), (1, "pune")]


def test_an_account_comes_to_stand_below_another_and_again_below_none():
    (moved,) = GROUP.with_parent("other", "mumbai")
    assert moved == an_account("other", "mumbai")
    (free,) = GROUP.with_parent("india", None)
    assert free.parent is None
    assert GROUP.with_parent("india", "group") == ()


@pytest.mark.parametrize("parent", ["india", "mumbai"])
def test_a_circle_is_refused(parent):
    with pytest.raises(InvalidInput, match=f"parent: {parent} stands below india; a tree has no circles"):
        GROUP.with_parent("india", parent)


def test_an_account_is_not_taken_from_under_the_one_that_it_or_one_below_it_leans_on():
    leaning = a_tree(*{**GROUP.accounts, "mumbai": an_account("mumbai", "india", pay_from="group")}.values())
    with pytest.raises(
        InvalidInput, match=r"mumbai pays from group, .* `billing accounts set-pay-from mumbai mumbai` first"
    ):
        leaning.with_parent("india", None)
    assert leaning.with_parent("pune", None) == (an_account("pune"),)


@pytest.mark.parametrize("lean", list(Lean))
def test_an_account_leans_on_any_above_it_and_again_on_itself(lean):
    (changed,) = GROUP.leaning("mumbai", lean, "group")
    assert changed == lean.set(an_account("mumbai", "india"), "group")
    after = a_tree(*{**GROUP.accounts, "mumbai": changed}.values())
    assert after.leaning("mumbai", lean, "mumbai") == (an_account("mumbai", "india"),)
    assert after.leaning("mumbai", lean, "group") == ()


def test_those_that_lean_on_an_account_go_along_when_it_begins_to_lean_itself():
    pune = an_account("pune", "india", pay_from="india")
    tree = a_tree(*{**GROUP.accounts, "pune": pune}.values())
    changed = tree.leaning("india", Lean.PAY_FROM, "group")
    assert {one.code: one.pay_from for one in changed} == {"india": "group", "pune": "group"}


@pytest.mark.parametrize(
    ("change", "on", "sentence"),
    [
        ({}, "other", "pay_from: mumbai does not stand below other: `billing accounts set-parent` first"),
        ({}, "pune", "does not stand below pune"),
        ({"india": {"currency": "USD"}}, "india", "mumbai is in INR and india in USD; they must be the same"),
        ({"india": {"mode": "prepaid"}}, "india", "mumbai is postpaid and india prepaid; they must be the same"),
        ({"india": {"pay_from": "group"}}, "india", "india pays from group itself; name group instead"),
        ({"india": {"status": "closed"}}, "india", "account india is closed"),
        ({"mumbai": {"status": "closed"}}, "india", "account mumbai is closed"),
    ],
)
def test_an_account_does_not_lean_on_one_that_does_not_fit(change, on, sentence):
    accounts = {code: replace(account, **change.get(code, {})) for code, account in GROUP.accounts.items()}
    with pytest.raises(InvalidInput, match=sentence):
        AccountTree(accounts).leaning("mumbai", Lean.PAY_FROM, on)


def test_an_account_that_is_not_there_is_named():
    with pytest.raises(NotFound, match="account 'nobody' does not exist"):
        GROUP.leaning("nobody", Lean.BILL_TO, "group")
    with pytest.raises(NotFound, match="account 'nobody' does not exist"):
        GROUP.with_parent("india", "nobody")
