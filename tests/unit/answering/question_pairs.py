# ruff: noqa: E501 - a pair is one line
"""Pairs of questions: some ask the same in other wrapping, some only look like it.

Written by hand and from templates, before any was tried. Every second pair, by the hash of its
words, is held out: the rules were looked at with the other half only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Pair:
    """Two questions in one language, and whether they ask the same."""

    language: str
    one: str
    other: str
    is_same: bool

    @property
    def is_held_out(self) -> bool:
        digest = hashlib.sha256(f"{self.one}|{self.other}".encode()).digest()
        return digest[0] % 2 == 1


_SAME_DE = """
Wann endet der Mietvertrag? | Bitte sagen Sie mir, wann der Mietvertrag endet.
Wie lang ist die Kündigungsfrist? | Können Sie mir sagen, wie lang die Kündigungsfrist ist?
Wie hoch ist die Miete? | wie hoch ist die miete
Wer zahlt die Reparaturen? | Weißt du, wer die Reparaturen zahlt?
Was steht im Vertrag über Haustiere? | Was steht über Haustiere im Vertrag?
Welche Frist gilt für den Widerspruch? | Welche Frist gilt bitte für den Widerspruch?
Wo finde ich die Anlage 3? | Kannst du mir sagen, wo ich die Anlage 3 finde?
Wie viele Urlaubstage habe ich? | Hallo, wie viele Urlaubstage habe ich?
Darf der Mieter untervermieten? | Ich möchte wissen, ob der Mieter untervermieten darf.
Wann muss die Rechnung bezahlt werden? | Bis jetzt unklar: Wann muss die Rechnung bezahlt werden?
Was kostet die Fahrkarte von Berlin nach Hamburg? | Was kostet die Fahrkarte nach Hamburg von Berlin?
Wie lautet die Adresse des Vermieters? | Wie lautet eigentlich die Adresse des Vermieters?
Wie hoch ist die Kaution für die Wohnung? | Für die Wohnung: Wie hoch ist die Kaution?
Warum wurde der Antrag abgelehnt? | Weshalb wurde der Antrag abgelehnt?
Welche Unterlagen brauche ich für den Antrag? | Welche Unterlagen brauche ich denn für den Antrag?
Wann beginnt die Probezeit? | Wann beginnt eine Probezeit?
Wer ist der Geschäftsführer der GmbH? | Wer ist Geschäftsführer der GmbH?
Wie hoch ist der Steuersatz nach § 32a? | Wie hoch ist nach § 32a der Steuersatz?
Gilt die Garantie auch im Ausland? | Danke! Gilt die Garantie auch im Ausland?
Was passiert bei verspäteter Zahlung? | was passiert bei verspäteter zahlung?
Wie viele Mitarbeiter hat die Firma? | Ich wüsste gern, wie viele Mitarbeiter die Firma hat.
Wie groß ist die Wohnung im Erdgeschoss? | Wie groß ist im Erdgeschoss die Wohnung?
Wer haftet für Schäden am Auto? | Sagen Sie mir bitte, wer für Schäden am Auto haftet.
Welche Pflichten hat der Verkäufer? | Welche Pflichten hat ein Verkäufer?
Wann ist die Miete fällig? | Wann genau ist die Miete fällig?
Wie hoch war der Umsatz im Jahr 2023? | Wie hoch war im Jahr 2023 der Umsatz?
Ist Rauchen im Büro erlaubt? | Guten Tag, ist Rauchen im Büro erlaubt?
Wie reiche ich einen Antrag ein? | Wie reiche ich Anträge ein?
Was bedeutet Verzug? | Können Sie mir erklären, was Verzug bedeutet?
Welche Rechte hat ein Käufer bei Mängeln? | Welche Rechte hat der Käufer bei Mängeln?
"""
_SAME_EN = """
When does the lease end? | Could you tell me when the lease ends?
How long is the notice period? | Please tell me how long the notice period is.
What is the monthly rent? | what is the monthly rent
Who pays for repairs? | Do you know who pays for repairs?
What does the contract say about pets? | What does the contract say about pets, please?
How many days of vacation do employees have? | How many days of vacation do the employees have?
Where do I send the expense report? | Can you tell me where I send the expense report?
When is the invoice due? | Hi, when is the invoice due?
Is the tenant allowed to sublet? | I would like to know whether the tenant is allowed to sublet.
What is the price of a ticket from Berlin to Hamburg? | What is the price of a ticket to Hamburg from Berlin?
Why was the application rejected? | I was wondering why the application was rejected.
Which documents are needed for the application? | What documents are needed for the application?
Who is the managing director of the company? | Who is managing director of the company?
What happens if the payment is late? | Tell me what happens if the payment is late.
How high is the deposit for the flat? | For the flat, how high is the deposit?
What was the revenue in 2023? | What was in 2023 the revenue?
Does the warranty apply abroad? | Thanks! Does the warranty apply abroad?
How large is the apartment on the ground floor? | How large is the apartment on the ground floor exactly?
Can I cancel the contract within 14 days? | Can I cancel this contract within 14 days?
What are the duties of a seller? | What are the duties of the seller?
Who is liable for damage to the car? | Please explain who is liable for damage to the car.
How often are reports published? | How often are the reports published?
What is the address of the landlord? | What's the address of the landlord?
When does the probation period begin? | When does a probation period begin?
What is the penalty for late delivery? | what is the penalty for late delivery?
How do I submit an application? | How do I submit applications?
What is the deadline for objections? | What is the deadline for an objection?
Where is the meeting in March? | I'd like to know where the meeting in March is.
Who signed the agreement with Acme? | Who signed this agreement with Acme?
What does default mean? | Could you explain what default means?
"""
_OTHER_DE = """
Wie lang ist die Kündigungsfrist für Mieter? | Wie lang ist die Kündigungsfrist für Vermieter?
Welche Pflichten hat der Käufer? | Welche Pflichten hat der Verkäufer?
Wann endet die Miete? | Wann endet der Mieter?
Welche Folgen hat die Kündigung des Mieters? | Welche Folgen hat die Kündigung der Miete?
Darf der Mieter untervermieten? | Darf der Mieter nicht untervermieten?
Darf der Mieter untervermieten? | Muss der Mieter untervermieten?
Ist Rauchen erlaubt? | Ist Rauchen verboten?
Wie hoch war der Umsatz im Jahr 2023? | Wie hoch war der Umsatz im Jahr 2024?
Wie hoch ist der Umsatz? | Wie hoch war der Umsatz?
Was steht in § 433 BGB? | Was steht in § 434 BGB?
Was steht in Absatz 1? | Was steht in Absatz 2?
Wer zahlt die Reparaturen? | Wem zahlt die Reparaturen?
Wann beginnt die Probezeit? | Wann endet die Probezeit?
Wie lange dauert die Probezeit? | Wann beginnt die Probezeit?
Was kostet die Fahrt von Berlin nach Hamburg? | Was kostet die Fahrt von Hamburg nach Berlin?
Gilt das für alle Mitarbeiter? | Gilt das für einige Mitarbeiter?
Gilt das für alle Mitarbeiter? | Gilt das nur für Mitarbeiter?
Wie hoch ist mindestens die Strafe? | Wie hoch ist höchstens die Strafe?
Was ist vor der Abnahme zu tun? | Was ist nach der Abnahme zu tun?
Wie viele Mitarbeiter hat die Firma? | Wie viele Kunden hat die Firma?
Wer hat den Vertrag unterschrieben? | Wer hat den Vertrag gekündigt?
Wie hoch ist mein Gehalt? | Wie hoch ist dein Gehalt?
Wie hoch ist sein Gehalt? | Wie hoch ist ihr Gehalt?
Wann zahlt Anna an Bernd? | Wann zahlt Bernd an Anna?
Hat Anna Bernd verklagt? | Hat Bernd Anna verklagt?
Wie hoch ist die Grundsteuer? | Wie hoch ist die Gewerbesteuer?
Wie hoch ist der Zuschuss mit Kindern? | Wie hoch ist der Zuschuss ohne Kinder?
Welche Fristen gelten bei der Kündigung durch den Arbeitgeber? | Welche Fristen gelten bei der Kündigung durch den Arbeitnehmer?
Wo ist der Eingang? | Wo ist der Ausgang?
Wann ist der Antrag vollständig? | Wann ist der Antrag unvollständig?
Ist der Vertrag wirksam? | Ist der Vertrag unwirksam?
Wie viel kostet das Abo im Monat? | Wie viel kostet das Abo im Jahr?
Wie viele Tage Urlaub gibt es bei 5 Tagen pro Woche? | Wie viele Tage Urlaub gibt es bei 4 Tagen pro Woche?
Warum wurde der Antrag abgelehnt? | Wann wurde der Antrag abgelehnt?
Wie heißt der Bürgermeister von Bonn? | Wie heißt der Bürgermeister von Köln?
Wer ist der Vater von Anna? | Wer ist die Mutter von Anna?
Welche Rechte habe ich als Käufer? | Welche Rechte habe ich als Verkäufer?
Wie drucke ich die Datei? | Wie drücke ich die Datei?
Soll ich die Rechnung bezahlen? | Muss ich die Rechnung bezahlen?
Kann der Vertrag verlängert werden? | Wird der Vertrag verlängert?
Was ist die größte Filiale? | Was ist die kleinste Filiale?
Wie hoch ist die Miete ab März? | Wie hoch ist die Miete bis März?
Wie hoch ist die Miete am 3. Mai? | Wie hoch ist die Miete am 4. Mai?
Welche Artikel kosten mehr als 10 Euro? | Welche Artikel kosten weniger als 10 Euro?
Was gilt für Eigentümer oder Mieter? | Was gilt für Eigentümer und Mieter?
Wer hat wen beleidigt? | Wer hat wem geholfen?
Wie lang ist die Frist noch? | Wie lang ist die Frist?
Wann wurde Version 2 veröffentlicht? | Wann wurde Version 3 veröffentlicht?
Sind Hunde erlaubt? | Sind Katzen erlaubt?
Welche Kosten trägt der Bauherr? | Welche Kosten trägt der Bauträger?
"""
_OTHER_EN = """
How long is the notice period for tenants? | How long is the notice period for landlords?
What are the duties of the buyer? | What are the duties of the seller?
Is smoking allowed? | Is smoking not allowed?
Is smoking allowed? | Is smoking forbidden?
Can the tenant sublet? | Can't the tenant sublet?
May I sublet the flat? | Must I sublet the flat?
What was the revenue in 2023? | What was the revenue in 2024?
Who is the chair of the board? | Who was the chair of the board?
What does section 12 say? | What does section 13 say?
When does the lease begin? | When does the lease end?
Does Alice pay Bob? | Does Bob pay Alice?
Who did Alice hire? | Who hired Alice?
What is the price of a ticket from Berlin to Hamburg? | What is the price of a ticket from Hamburg to Berlin?
Does it apply to all employees? | Does it apply to some employees?
Does it apply to all employees? | Does it apply only to employees?
Is the fine at least 100 euros? | Is the fine at most 100 euros?
What must be done before acceptance? | What must be done after acceptance?
How many employees does the company have? | How many customers does the company have?
Who signed the contract? | Who cancelled the contract?
What is my salary? | What is your salary?
What is his salary? | What is her salary?
Why was the application rejected? | When was the application rejected?
Where is the entrance? | Where is the exit?
Is the contract valid? | Is the contract invalid?
How much does it cost per month? | How much does it cost per year?
What is the benefit with children? | What is the benefit without children?
Should I pay the invoice? | Must I pay the invoice?
Can the contract be extended? | Will the contract be extended?
Which is the largest branch? | Which is the smallest branch?
What is the rent from March? | What is the rent until March?
Which items cost more than 10 euros? | Which items cost less than 10 euros?
What applies to owners or tenants? | What applies to owners and tenants?
When was version 2 released? | When was version 3 released?
Are dogs allowed? | Are cats allowed?
Who is the father of Anna? | Who is the mother of Anna?
How long is the warranty? | How long was the warranty?
Who is the employer? | Who is the employee?
What is the lessor's address? | What is the lessee's address?
What is the trustee's fee? | What is the trustor's fee?
What is the interest rate of 3 percent based on? | What is the interest rate of 4 percent based on?
How do I open the valve? | How do I close the valve?
Is overtime paid on Sundays? | Is overtime paid on Saturdays?
What is the gross income? | What is the net income?
How many days are there until delivery? | How many weeks are there until delivery?
Who approves travel to France? | Who approves travel in France?
What is the capital of Austria? | What is the capital of Australia?
Does the policy still apply? | Does the policy apply?
What is the minimum age? | What is the maximum age?
Is import of goods taxed? | Is export of goods taxed?
When do we send it to them? | When do they send it to us?
"""
_ROLES = {
    "de": [("Mieter", "Vermieter"), ("Käufer", "Verkäufer"), ("Arbeitgeber", "Arbeitnehmer"),
           ("Gläubiger", "Schuldner"), ("Kunden", "Lieferanten"), ("Erben", "Erblasser")],
    "en": [("tenants", "landlords"), ("buyers", "sellers"), ("employers", "employees"),
           ("creditors", "debtors"), ("customers", "suppliers"), ("heirs", "testators")],
}  # fmt: skip
_ROLE_QUESTIONS = {
    "de": ["Welche Frist gilt für {}?", "Was regelt der Vertrag für {}?",
           "Welche Nachweise brauchen {}?"],
    "en": ["Which deadline applies to {}?", "What does the contract provide for {}?",
           "Which proofs do {} need?"],
}  # fmt: skip
_FIGURES = [("2023", "2024"), ("5", "50"), ("1.000", "10.000"), ("12", "21")]
_FIGURE_QUESTIONS = {
    "de": ["Was gilt ab {} Euro?", "Was steht auf Seite {}?", "Was wurde mit Nummer {} bestellt?"],
    "en": ["What applies from {} euros?", "What is on page {}?",
           "What was ordered under number {}?"],
}  # fmt: skip
_LEADS = {
    "de": ["Bitte: {}", "Hallo! {}", "Ich habe eine Frage: {}", "{} Danke!", "{} bitte"],
    "en": ["Please: {}", "Hello! {}", "I have a question: {}", "{} Thanks!", "{} please"],
}


def _written(text: str, language: str, *, is_same: bool) -> list[Pair]:
    lines = (line.split(" | ") for line in text.strip().splitlines())
    return [Pair(language, one, other, is_same) for one, other in lines]


def _made() -> list[Pair]:
    pairs = []
    for language in ("de", "en"):
        for form, (one, other) in product(_ROLE_QUESTIONS[language], _ROLES[language]):
            pairs.append(Pair(language, form.format(one), form.format(other), is_same=False))
        for form, (one, other) in product(_FIGURE_QUESTIONS[language], _FIGURES):
            pairs.append(Pair(language, form.format(one), form.format(other), is_same=False))
        questions = [form.format(one) for form in _ROLE_QUESTIONS[language]
                     for one, _ in _ROLES[language][:3]]  # fmt: skip
        for number, question in enumerate(questions):
            lead = _LEADS[language][number % len(_LEADS[language])]
            pairs.append(Pair(language, question, lead.format(question), is_same=True))
    return pairs


PAIRS = [
    *_written(_SAME_DE, "de", is_same=True),
    *_written(_SAME_EN, "en", is_same=True),
    *_written(_OTHER_DE, "de", is_same=False),
    *_written(_OTHER_EN, "en", is_same=False),
    *_made(),
]
