"""Statements beside passages that support them, and others that only sound as if they did.

Written by hand, German and English. What must fail is what models get wrong: a negation turned
round, figures and units swapped, names changed, roles exchanged, things made up.
"""

from __future__ import annotations

P_LEASE = (
    "Die Kündigungsfrist beträgt drei Monate zum Monatsende. Die Kündigung bedarf der Schriftform. "
    "Die Miete beträgt 850 Euro im Monat. Sie ist am dritten Werktag eines Monats fällig. "
    "Haustiere sind nach Absprache mit der Vermieterin erlaubt. Das Rauchen im Treppenhaus ist "
    "verboten. Der Mieter trägt die Kosten kleiner Reparaturen bis 100 Euro."
)
P_BOOK = (
    "New employees start with a probation period of six months. It may be extended once. "
    "Every employee has 28 days of paid vacation per year. Unused days expire on 31 March. "
    "Expense reports are due within 14 days. Alcohol is not permitted on the premises. "
    "Overtime must be approved by the team lead before it is worked."
)
P_TEAM = (
    "The Northlight project was started in 2019 by Ada Brown and ended in 2022. Clara Weiss led "
    "the design team in Bonn. Ann Miller reports to Bob Stone. The budget rose from 2.5 to 3.1 "
    "million euros. The contract with Siemens was not renewed."
)
P_LAW = (
    "Der Urlaub beträgt jährlich mindestens 24 Werktage. Der volle Urlaubsanspruch wird erstmalig "
    "nach sechsmonatigem Bestehen des Arbeitsverhältnisses erworben. Der Arbeitgeber darf den "
    "Urlaub aus dringenden betrieblichen Gründen verweigern. Während des Urlaubs darf der "
    "Arbeitnehmer keine dem Urlaubszweck widersprechende Erwerbstätigkeit leisten."
)

SUPPORTED: list[tuple[str, str, str]] = [
    (P_LEASE, "de", "Die Kündigungsfrist beträgt drei Monate zum Monatsende."),
    (P_LEASE, "de", "Die Kündigungsfrist beträgt 3 Monate."),
    (P_LEASE, "de", "Man muss schriftlich kündigen, denn die Kündigung bedarf der Schriftform."),
    (P_LEASE, "de", "Die Kündigung muss in Schriftform erfolgen."),
    (P_LEASE, "de", "Die Miete liegt bei 850 Euro im Monat."),
    (P_LEASE, "de", "Die Monatsmiete beträgt 850 €."),
    (P_LEASE, "de", "Fällig ist die Miete am dritten Werktag eines Monats."),
    (P_LEASE, "de", "Haustiere sind erlaubt, wenn die Vermieterin zustimmt."),
    (P_LEASE, "de", "Im Treppenhaus darf nicht geraucht werden, das Rauchen ist dort verboten."),
    (P_LEASE, "de", "Rauchen ist im Treppenhaus nicht erlaubt."),
    (P_LEASE, "de", "Kleine Reparaturen bis 100 Euro trägt der Mieter."),
    (P_LEASE, "de", "Die Miete beträgt 850 Euro und ist am dritten Werktag fällig."),
    (P_LEASE, "de", "The notice period is three months to the end of a month."),
    (P_LEASE, "de", "The rent is 850 euros a month."),
    (P_BOOK, "en", "The probation period is six months."),
    (P_BOOK, "en", "Probation lasts 6 months and may be extended once."),
    (P_BOOK, "en", "Employees get 28 days of paid vacation per year."),
    (P_BOOK, "en", "Each employee has 28 paid vacation days a year."),
    (P_BOOK, "en", "Unused vacation days expire on 31 March."),
    (P_BOOK, "en", "Expense reports must be handed in within 14 days."),
    (P_BOOK, "en", "Alcohol is forbidden on the premises."),
    (P_BOOK, "en", "No alcohol is permitted on the premises."),
    (P_BOOK, "en", "The team lead must approve overtime before it is worked."),
    (P_BOOK, "en", "Die Probezeit beträgt sechs Monate."),
    (P_BOOK, "en", "Mitarbeiter haben 28 Tage bezahlten Urlaub im Jahr."),
    (P_TEAM, "en", "Ada Brown started the Northlight project in 2019."),
    (P_TEAM, "en", "The Northlight project ended in 2022."),
    (P_TEAM, "en", "Clara Weiss was the head of the design team in Bonn."),
    (P_TEAM, "en", "Ann Miller reports to Bob Stone."),
    (P_TEAM, "en", "The budget increased from 2.5 to 3.1 million euros."),
    (P_TEAM, "en", "The Siemens contract was not renewed."),
    (P_LAW, "de", "Der Mindesturlaub beträgt 24 Werktage jährlich."),
    (P_LAW, "de", "Jährlich stehen mindestens 24 Werktage Urlaub zu."),
    (P_LAW, "de", "Der Arbeitgeber darf den Urlaub aus dringenden betrieblichen Gründen ablehnen."),
    (P_LAW, "de", "Der volle Anspruch auf Urlaub entsteht erstmals nach sechs Monaten."),
    (
        P_LAW,
        "de",
        "Im Urlaub darf der Arbeitnehmer keine widersprechende Erwerbstätigkeit leisten.",
    ),
]

UNSUPPORTED: list[tuple[str, str, str]] = [
    (P_LEASE, "de", "Die Kündigungsfrist beträgt vier Monate zum Monatsende."),
    (P_LEASE, "de", "Die Kündigungsfrist beträgt drei Wochen zum Monatsende."),
    (P_LEASE, "de", "Die Kündigung bedarf nicht der Schriftform."),
    (P_LEASE, "de", "Die Kündigung bedarf keiner Schriftform."),
    (P_LEASE, "de", "Die Miete beträgt 100 Euro im Monat."),
    (P_LEASE, "de", "Die Miete beträgt 850 Dollar im Monat."),
    (P_LEASE, "de", "Die Miete ist am fünften Werktag eines Monats fällig, also am 5. Werktag."),
    (P_LEASE, "de", "Haustiere sind nach Absprache mit der Vermieterin verboten."),
    (P_LEASE, "de", "Haustiere sind nicht erlaubt."),
    (P_LEASE, "de", "Das Rauchen im Treppenhaus ist erlaubt."),
    (P_LEASE, "de", "Der Vermieter trägt die Kosten kleiner Reparaturen bis 100 Euro."),
    (P_LEASE, "de", "Der Mieter trägt die Kosten kleiner Reparaturen bis 850 Euro."),
    (P_LEASE, "de", "Die Kaution beträgt drei Monatsmieten."),
    (P_LEASE, "de", "Im Treppenhaus müssen Schuhe ausgezogen werden."),
    (P_LEASE, "de", "The notice period is six months."),
    (P_LEASE, "de", "The rent is 850 euros a week."),
    (P_BOOK, "en", "The probation period is six weeks."),
    (P_BOOK, "en", "The probation period may not be extended."),
    (P_BOOK, "en", "Every employee has 14 days of paid vacation per year."),
    (P_BOOK, "en", "Expense reports are due within 28 days."),
    (P_BOOK, "en", "Unused days never expire."),
    (P_BOOK, "en", "Unused days expire on 31 May."),
    (P_BOOK, "en", "Alcohol is permitted on the premises."),
    (P_BOOK, "en", "Overtime must be approved by the team lead after it is worked."),
    (P_BOOK, "en", "Overtime need not be approved by the team lead."),
    (P_BOOK, "en", "Employees receive a company car after probation."),
    (P_BOOK, "en", "Die Probezeit beträgt zwei Jahre."),
    (P_TEAM, "en", "Ada Brown started the Northlight project in 2022."),
    (P_TEAM, "en", "Clara Weiss started the Northlight project in 2019."),
    (P_TEAM, "en", "Clara Weiss led the design team in Hamburg."),
    (P_TEAM, "en", "Bob Stone reports to Ann Miller."),
    (P_TEAM, "en", "The budget fell from 2.5 to 3.1 million euros."),
    (P_TEAM, "en", "The contract with Siemens was renewed."),
    (P_TEAM, "en", "The contract with Bosch was not renewed."),
    (P_LAW, "de", "Der Urlaub beträgt jährlich höchstens 24 Werktage."),
    (P_LAW, "de", "Der Urlaub beträgt jährlich mindestens 30 Werktage."),
    (
        P_LAW,
        "de",
        "Der Arbeitnehmer darf den Urlaub aus dringenden betrieblichen Gründen verweigern.",
    ),
    (P_LAW, "de", "Der Arbeitgeber darf den Urlaub nicht aus betrieblichen Gründen verweigern."),
    (
        P_LAW,
        "de",
        "Der volle Urlaubsanspruch wird nach zweijährigem Bestehen erworben, also 2 Jahren.",
    ),
    (
        P_LAW,
        "de",
        "Während des Urlaubs darf der Arbeitnehmer eine Erwerbstätigkeit leisten, die dem "
        "Urlaubszweck widerspricht.",
    ),
]
