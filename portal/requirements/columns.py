"""How people's spreadsheets name the columns and the closed words of requirements, in four languages."""

from collections.abc import Mapping

from portal.errors import Invalid
from portal.requirements.models import Priority, RequirementKind
from portal.tables.headed import Names

NAMES: Names = {
    "external_ref": (
        "external ref", "external reference", "reference", "ref", "id", "req id", "requirement id", "key", "issue key",
        "no", "no.", "identifier", "kennung", "referenz", "nr", "nr.", "anforderungs-id", "externe referenz", "№",
        "номер", "ид", "ключ", "идентификатор", "ссылка", "внешняя ссылка", "编号", "需求编号", "标识", "外部编号",
        "外部引用",
    ),
    "title": (
        "title", "name", "summary", "requirement", "headline", "titel", "bezeichnung", "anforderung", "kurztitel",
        "название", "наименование", "заголовок", "требование", "标题", "名称", "需求名称", "需求标题", "需求",
    ),
    "description": (
        "description", "details", "text", "requirement text", "statement", "beschreibung", "anforderungstext",
        "описание", "текст", "текст требования", "描述", "说明", "需求描述", "内容",
    ),
    "kind": (
        "kind", "type", "requirement type", "art", "typ", "anforderungsart", "вид", "тип", "тип требования", "类型",
        "需求类型",
    ),
    "priority": (
        "priority", "moscow", "prio", "prio.", "priorität", "приоритет", "важность", "优先级", "优先级别", "重要性",
    ),
    "criteria": (
        "criteria", "acceptance criteria", "acceptance criterion", "abnahmekriterien", "abnahmekriterium",
        "akzeptanzkriterien", "akzeptanzkriterium", "критерии приёмки", "критерии приемки", "критерий приёмки",
        "критерий приемки", "критерии", "验收标准", "验收条件", "接受标准",
    ),
    "metric": (
        "metric", "measure", "what is measured", "fit criterion", "messgröße", "messgrösse", "maß", "kennzahl",
        "metrik", "показатель", "метрика", "мера", "что измеряется", "指标", "度量", "衡量指标", "度量指标",
    ),
    "target": (
        "target", "target value", "threshold", "zielwert", "sollwert", "ziel", "целевое значение", "цель",
        "目标", "目标值",
    ),
    "how_measured": (
        "how measured", "how it is measured", "measurement", "measurement method", "messverfahren", "messmethode",
        "wie gemessen", "способ измерения", "метод измерения", "как измеряется", "测量方法", "度量方法", "如何测量",
    ),
}  # fmt: skip
"""Our fields → the names of their columns. The names of our own CSV are among them, so that it can be brought back."""

OURS = frozenset({"number", "version", "state", "confirmed_version", "decision", "audience"})
"""Columns of our own CSV that tell what the portal knows: nothing is taken from them."""

PRIORITIES: Mapping[Priority, tuple[str, ...]] = {
    Priority.MUST: ("must", "must have", "m", "muss", "обязательно", "должно быть", "должно", "必须", "必须有", "必需"),
    Priority.SHOULD: ("should", "should have", "s", "soll", "sollte", "важно", "следует", "应该", "应当", "应该有"),
    Priority.COULD: ("could", "could have", "c", "kann", "könnte", "желательно", "можно", "возможно", "可以", "可以有"),
    Priority.WONT: (
        "wont", "won't", "won't have", "won't have this time", "w", "wird nicht", "nicht diesmal", "не сейчас",
        "не в этот раз", "не будет", "不做", "暂不", "这次不做", "本次不做",
    ),
}  # fmt: skip
"""MoSCoW as people write it. Words such as `high` are not among them: what the client must have is nobody's guess."""

KINDS: Mapping[RequirementKind, tuple[str, ...]] = {
    RequirementKind.FUNCTIONAL: (
        "functional", "function", "f", "fr", "funktional", "funktionale anforderung", "функциональное",
        "функциональный", "功能", "功能性", "功能需求", "功能性需求",
    ),
    RequirementKind.NON_FUNCTIONAL: (
        "non functional", "nonfunctional", "quality", "nf", "nfr", "nicht funktional", "nichtfunktional", "qualität",
        "нефункциональное", "нефункциональный", "качество", "非功能", "非功能性", "非功能需求", "非功能性需求", "质量",
    ),
}  # fmt: skip

_PRIORITY = {word: priority for priority, words in PRIORITIES.items() for word in words}
_KIND = {word: kind for kind, words in KINDS.items() for word in words}


def priority_of(word: str) -> Priority | None:
    """MoSCoW of a cell, None for an empty one. Raises Invalid for any other word."""
    if not word:
        return None
    if (found := _PRIORITY.get(_plain(word))) is None:
        raise Invalid("This is no priority; right would be must, should, could or wont.", field="priority", value=word)
    return found


def kind_of(word: str) -> RequirementKind:
    """The kind that a cell names. Raises Invalid for any other word."""
    if (found := _KIND.get(_plain(word))) is None:
        raise Invalid("This is no kind; right would be functional or non_functional.", field="kind", value=word)
    return found


def _plain(word: str) -> str:
    return " ".join(word.casefold().replace("’", "'").replace("_", " ").replace("-", " ").strip(" .:*").split())
