"""The words of an invoice's page in the languages that it can be issued in.

A table of its own: an invoice is written in languages that the portal's pages are not, and its words are those of
bookkeeping, which a translator of pages should not have to know.
"""

from collections.abc import Mapping
from decimal import Decimal

LANGUAGES: Mapping[str, tuple[str, str, str]] = {
    "en": ("en", "GB", "en_GB"),
    "zh_CN": ("zh", "CN", "zh_Hans_CN"),
    "ru": ("ru", "RU", "ru_RU"),
    "de": ("de", "DE", "de_DE"),
}
"""Language → the page's language and region, and the locale of its numbers and dates."""

_IN = tuple(LANGUAGES)
_UNITS = {
    "HUR": ("hour|hours", "小时", "ч", "Std."),
    "MIN": ("minute|minutes", "分钟", "мин", "Min."),
    "DAY": ("day|days", "天", "дн.", "Tag|Tage"),
    "WEE": ("week|weeks", "周", "нед.", "Woche|Wochen"),
    "MON": ("month|months", "个月", "мес.", "Monat|Monate"),
    "QAN": ("quarter|quarters", "季度", "кварт.", "Quartal|Quartale"),
    "ANN": ("year|years", "年", "г.", "Jahr|Jahre"),
    "C62": ("unit|units", "个", "ед.", "Einh."),
    "EA": ("piece|pieces", "件", "шт.", "Stück"),
    "LS": ("lump sum", "项", "компл.", "pauschal"),
    "E48": ("service|services", "次", "усл.", "Leist."),
    "KMT": ("km", "公里", "км", "km"),
}
_LABELS = {
    "invoice": ("Invoice", "商业发票", "Счёт", "Rechnung"),
    "credit_note": ("Credit note", "贷项通知单", "Кредит-нота", "Rechnungskorrektur"),
    "cancels": ("Takes back invoice", "冲销发票", "Отменяет счёт", "Storniert Rechnung"),
    "of_day": ("of", "开票日期", "от", "vom"),
    "number": ("Number", "编号", "Номер", "Nummer"),
    "issued": ("Date of issue", "开具日期", "Дата выставления", "Rechnungsdatum"),
    "due": ("Due by", "付款期限", "Оплатить до", "Zahlbar bis"),
    "delivered": ("Delivered on", "交付日期", "Дата оказания", "Leistungsdatum"),
    "period": ("Period", "服务期间", "Период", "Leistungszeitraum"),
    "buyer_reference": ("Your reference", "贵方参考号", "Ваш номер", "Ihr Zeichen"),
    "order": ("Order number", "订单号", "Номер заказа", "Bestellnummer"),
    "contract": ("Contract", "合同", "Договор", "Vertrag"),
    "project": ("Project", "项目", "Проект", "Projekt"),
    "bill_to": ("Bill to", "购买方", "Покупатель", "Rechnung an"),
    "from": ("From", "销售方", "Продавец", "Von"),
    "vat_id": ("VAT no.", "增值税号", "НДС №", "USt-IdNr."),
    "tax_number": ("Tax no.", "纳税人识别号", "Налоговый №", "Steuernr."),
    "bank_line": ("Bank and account", "开户行及账号", "Банк и счёт", "Bankverbindung"),
    "position": ("No.", "序号", "№", "Pos."),
    "what": ("Description", "项目名称", "Наименование", "Leistung"),
    "quantity": ("Quantity", "数量", "Кол-во", "Menge"),
    "price": ("Unit price", "单价", "Цена", "Einzelpreis"),
    "rate": ("Tax", "税率", "Налог", "USt."),
    "net": ("Net", "金额", "Сумма", "Netto"),
    "discount": ("Discount", "折扣", "Скидка", "Rabatt"),
    "charge": ("Charge", "附加费", "Надбавка", "Zuschlag"),
    "share_of": ("of", "×", "от", "von"),
    "line_total": ("Sum of lines", "项目合计", "Итого по строкам", "Summe der Positionen"),
    "net_total": ("Total without tax", "不含税合计", "Итого без налога", "Gesamt ohne Steuer"),
    "tax_total": ("Tax", "税额合计", "Налог", "Umsatzsteuer"),
    "gross_total": ("Total with tax", "价税合计", "Всего с налогом", "Gesamt mit Steuer"),
    "prepaid": ("Paid before", "已预付", "Оплачено ранее", "Bereits bezahlt"),
    "payable": ("Amount due", "应付金额", "К оплате", "Zu zahlen"),
    "credited": ("Credited", "贷记金额", "К зачёту", "Gutgeschrieben"),
    "tax": ("Tax", "税额", "Налог", "Steuer"),
    "tax_kind": ("Kind", "类别", "Вид", "Art"),
    "breakdown": ("How the tax comes about", "税额明细", "Расчёт налога", "Steueraufstellung"),
    "taxable": ("Taxable", "计税金额", "База", "Bemessung"),
    "accounted": (
        "Tax in the currency of our books",
        "记账本位币税额",
        "Налог в валюте учёта",
        "Steuer in Buchwährung",
    ),
    "exchange": ("at", "汇率", "по курсу", "zum Kurs"),
    "pay_to": ("How to pay", "付款方式", "Как оплатить", "So bezahlen Sie"),
    "holder": ("Account holder", "户名", "Получатель", "Kontoinhaber"),
    "iban": ("IBAN", "IBAN", "IBAN", "IBAN"),
    "account": ("Account", "账号", "Счёт получателя", "Konto"),
    "bic": ("BIC", "BIC", "BIC", "BIC"),
    "bank": ("Bank", "开户行", "Банк", "Bank"),
    "payment_reference": ("Reference", "付款附言", "Назначение", "Verwendungszweck"),
    "scan": (
        "Scan with your banking app",
        "使用银行应用扫码付款",
        "Отсканируйте в приложении банка",
        "Mit der Banking-App scannen",
    ),
    "terms": ("Terms of payment", "付款条件", "Условия оплаты", "Zahlungsbedingungen"),
    "notes": ("Notes", "备注", "Примечания", "Hinweise"),
    "page": ("Page", "页", "Страница", "Seite"),
    "attached": (
        "This PDF holds the same document for machines: factur-x.xml (EN 16931).",
        "本PDF内附同一单据的机读版本：factur-x.xml（EN 16931）。",
        "В этот PDF вложен тот же документ для программ: factur-x.xml (EN 16931).",
        "Diese PDF enthält denselben Beleg für Programme: factur-x.xml (EN 16931).",
    ),
    "attachment": (
        "The same document for machines",
        "同一单据的机读版本",
        "Тот же документ для программ",
        "Derselbe Beleg für Programme",
    ),
    "logo": ("Logo of", "标志：", "Логотип", "Logo von"),
    "qr": (
        "QR code of the transfer (EPC069-12)",
        "转账二维码（EPC069-12）",
        "QR-код перевода (EPC069-12)",
        "QR-Code der Überweisung (EPC069-12)",
    ),
    "S": ("Taxed at", "税率", "По ставке", "Steuersatz"),
    "Z": ("Zero rate", "零税率", "Нулевая ставка", "Nullsatz"),
    "E": ("Exempt", "免税", "Освобождено", "Steuerfrei"),
    "AE": ("Reverse charge", "反向征收", "Обратное начисление", "Reverse-Charge"),
    "K": ("Intra-community supply", "欧盟内部供应", "Поставка внутри ЕС", "Innergemeinschaftliche Lieferung"),
    "G": ("Export", "出口", "Экспорт", "Ausfuhr"),
    "O": ("Outside the scope of tax", "不征税", "Не облагается", "Nicht steuerbar"),
    "L": ("IGIC", "IGIC", "IGIC", "IGIC"),
    "M": ("IPSI", "IPSI", "IPSI", "IPSI"),
}

UNITS = frozenset(_UNITS)
"""Units that work is sold in: codes of UN/ECE Recommendation 20."""


_REASONS = {
    "contract": ("the contract", "合同", "договор", "Vertrag"),
    "amendment": ("amendment {number}", "第 {number} 号补充协议", "допсоглашение {number}", "Nachtrag {number}"),
    "due": ("Due on {day} by {rests}", "{day}到期；{rests}", "Срок: {day}; {rests}", "Fällig am {day}; {rests}"),
    "agreed": ("Agreed by {rests}", "按约定；{rests}", "По соглашению; {rests}", "Wie vereinbart; {rests}"),
    "accepted": (
        "Milestone {number} “{name}”, accepted on {day}; {rests}", "里程碑 {number}“{name}”，{day}验收；{rests}",
        "Этап {number} «{name}», принят {day}; {rests}", "Meilenstein {number} „{name}“, abgenommen am {day}; {rests}",
    ),
    "unaccepted": (
        "Milestone {number} “{name}”, not accepted yet: {reason}", "里程碑 {number}“{name}”，尚未验收：{reason}",
        "Этап {number} «{name}», ещё не принят: {reason}",
        "Meilenstein {number} „{name}“, noch nicht abgenommen: {reason}",
    ),
    "retainer": ("Retainer by {rests}", "定期服务费；{rests}", "Абонентская плата; {rests}", "Pauschale; {rests}"),
    "entries": (
        "Entries of time: {count}", "工时记录：{count}条", "Записей о времени: {count}", "Zeiteinträge: {count}",
    ),
}  # fmt: skip
"""Why a line is there."""
_TITLES = {
    "retainer": ("Retainer, {period}", "定期服务费，{period}", "Абонентская плата, {period}", "Pauschale, {period}"),
    "hours": ("Hours, {period}", "工时，{period}", "Часы, {period}", "Stunden, {period}"),
}
"""What a draft of a period is called."""
_UNTAXED = {
    "AE": (
        "Reverse charge: the customer accounts for the tax", "反向征收（reverse charge）：税款由购买方申报缴纳",
        "Обратное начисление (reverse charge): налог исчисляет покупатель",
        "Steuerschuldnerschaft des Leistungsempfängers (reverse charge)",
    ),
    "K": (
        "Intra-community supply, exempt from tax", "欧盟内部供应，免税", "Поставка внутри ЕС, освобождена от налога",
        "Steuerfreie innergemeinschaftliche Lieferung",
    ),
    "G": ("Export, exempt from tax", "出口，免税", "Экспорт, освобождён от налога", "Steuerfreie Ausfuhrlieferung"),
    "O": ("Outside the scope of tax", "不属于征税范围", "Не является объектом налогообложения", "Nicht steuerbar"),
}  # fmt: skip
"""Why nothing is charged in a category whose name says it: the words that stand in the VATEX list beside its code."""


def untaxed(category: str, language: str) -> str:
    """Why no tax is charged in a category of AE, K, G and O, in a language of `LANGUAGES`."""
    return _UNTAXED[category][_IN.index(language)]


def title(which: str, language: str, period: str) -> str:
    """What a draft of a period is called in a language of `LANGUAGES`."""
    return _TITLES[which][_IN.index(language)].format(period=period)


def why(which: str, language: str, /, **given: object) -> str:
    """A reason of a line in a language of `LANGUAGES`, with what it is about filled in."""
    return _REASONS[which][_IN.index(language)].format(**given)


def unit(code: str, quantity: Decimal, language: str) -> str:
    """What a unit is called beside a quantity: `1 day`, `2.5 days`."""
    one, _bar, many = _UNITS[code][_IN.index(language)].partition("|")
    return one if abs(quantity) == 1 or not many else many


def labels(language: str) -> dict[str, str]:
    """All words of a page in a language of `LANGUAGES`."""
    at = _IN.index(language)
    return {name: words[at] for name, words in _LABELS.items()}
