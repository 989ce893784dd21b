"""The words detection knows, in the languages columns are named in. Lower case, no accents, singular; phrases by comma."""

from __future__ import annotations

from collections.abc import Mapping

from anonymizers.detection.words import plain

Phrase = tuple[str, ...]


ALIKE = {
    **dict.fromkeys(["no", "nr", "num", "nbr", "nmbr", "nro", "nummer", "numero", "nomor", "nomer"], "number"),
    **dict.fromkeys(["addr", "adr", "addrs", "addres"], "address"),
    **dict.fromkeys(["acct", "acc", "acnt", "accnt"], "account"),
    **dict.fromkeys(["nm", "nme"], "name"),
    **dict.fromkeys(["dt", "dte", "dat", "datum", "data", "fec", "fecha", "tgl", "tanggal"], "date"),
    **dict.fromkeys(["cd", "cod", "codice", "codigo", "kod", "kode"], "code"),
    **dict.fromkeys(["lic", "lics", "licence"], "license"),
}
"""Words that are one to detection: a phrase is known in every spelling of them."""


def alike(phrase: Phrase) -> Phrase:
    """A phrase, in the spelling in which it is looked up."""
    return tuple(ALIKE.get(word, word) for word in phrase)


def _split(text: str) -> set[Phrase]:
    return {alike(tuple(plain(phrase).casefold().split())) for phrase in text.split(",")}


def _phrases(texts: Mapping[str, str]) -> dict[Phrase, str]:
    return {phrase: domain for domain, text in texts.items() for phrase in _split(text)}


def _set(text: str) -> frozenset[str]:
    return frozenset(plain(text).casefold().split())


STRONG = _phrases({
    "email": """email, e mail, mail, mailid, mailaddress, emailaddr, courriel, correo, correo electronico,
        poczta, posta elettronica, sahkoposti, epost, почта, メール, メールアドレス, 邮箱, 電子メール, 이메일, smtp addr, reply
        to, bcc, cc email, eposta, smtp address, youxiang, surel""",
    "person": """full name, fullname, whole name, real name, legal name, preferred name, complete name, maiden
        name, card holder, cardholder, account holder, accountholder, account owner, author, comment author,
        assistant, beneficiary, payee, payer, signatory, next of kin, emergency contact, contact person,
        ansprechpartner, nombre completo, nom complet, nome completo, nombre y apellido, nom prenom, prenom
        nom, vor und nachname, nominativo, imie nazwisko, imie i nazwisko, volledige naam, titulaire, titular,
        kontoinhaber, karteninhaber, empfanger, addressee, fio, фио, 氏名, 姓名, 이름, name on card, name on
        account, known as, kana, furigana, on behalf of, kind attention, contact detail, contact info, contact
        information, contact data, notfallkontakt, nama lengkap, nama ibu, ho ten, ho va ten, xingming,
        shimei, ad soyad, adi soyadi, ime prezime, ime i prezime, jmeno prijmeni, vards uzvards, koinh, rufnm,
        birth mother""",
    "first_name": """first name, firstname, fname, f name, given name, givenname, forename, fore name, middle
        name, mname, christian name, vorname, prenom, primer nombre, segundo nombre, nombre pila, nome
        proprio, primeiro nome, imie, voornaam, fornavn, fornamn, имя, first nm, frst nm, 名, vorna, krestni
        jmeno, keresztnev, utonev, prenume, etunimi, eesnimi, imya, otchestvo, imie drugie, rufname, nama
        depan, namae, segundo nome, doopnaam, midnm, patronymic, onoma, vardas, roepnaam, voorletters,
        initials""",
    "last_name": """last name, lastname, lname, l name, surname, sur name, family name, familyname, second
        name, nachname, familienname, zuname, nom famille, nom de famille, nom naissance, birth name,
        apellido, apellido paterno, apellido materno, cognome, sobrenome, apelido, ultimo nome, nazwisko,
        achternaam, etternavn, efternamn, фамилия, last nm, lst nm, 姓, nachn, tussenvoegsel, prijmeni,
        priezvisko, vezeteknev, csaladnev, nume familie, prezime, priimek, soyad, soyadi, soyisim, sukunimi,
        efternavn, familiya, familia, perekonnanimi, nama belakang, nama keluarga, myoji, nom jeune fille, nom
        usage, geburtsname, nazwisko rodowe, prizvyshche, eponymo, pavarde""",
    "username": """username, user name, usr name, login, login name, loginname, logon, logon name, nickname, nick name, nick,
        screen name, screenname, user handle, twitter, instagram, facebook, linkedin, telegram, skype, snapchat, benutzername,
        nutzername, nom utilisateur, nombre usuario, nome utente, nome usuario, gebruikersnaam, sam account name,
        samaccountname, upn, user principal name, telegram id, skype id, facebook id, twitter id, instagram id, linkedin id,
        google id, apple id, wechat, wechat id, line user id, nicename, user nicename, uname, uid name, icq, msn, yim, aim
        screen, jabber, signal id, discord, discord id, tiktok, weibo, github login""",
    "phone": """phone, telephone, tel, mobile phone, mobile, cellphone, cell phone, cell number, cell no,
        cellular, fax, telefax, telefon, telefono, telefone, telefoon, teléfono, handy, gsm, msisdn, mobil,
        mobiel, movil, celular, cellulare, komorka, rufnummer, festnetz, whatsapp, contact number, contact no,
        contact nr, phn, fone, ph no, ph number, ph num, mob, mob no, numero portable, landline, pager,
        телефон, 電話番号, 电话, 手机, 携帯, 전화번호, telf, telfx, rufnr, puhelin, puhelinnumero, telefonszam, mobitel,
        telepon, telp, no hp, nomor hp, denwa, denwa bango, sdt, dien thoai, so dien thoai, dianhua, shouji,
        shoujihao, tilefono, telemovel, direct dial, sms number, broj telefona, cep tel, telefonu, calling
        number, called number, calling party, called party, telefoonnr""",
    "ssn": """versicherungs nr, versicherungsnummer, insurance number, insurance no, ni number, ssn, ss no, ss num, ss number,
        ss nbr, social security, social security number, socialsecurity, soc sec, socsec, social sec, nino, national
        insurance, sozialversicherung, sozialversicherungsnummer, sv nummer, numero secu, securite sociale, seguridad social,
        numero seguro social, nss, social insurance, taj szam, numero secu sociale, sin no, sin number, sin id, social ins,
        nat ins, nat insurance, num ss, soc ins, sofi number, sofinummer, versicherten number, versichertennummer,
        versichertennr, krankenkasse number, krankenkassennummer""",
    "national_id": """historial clinico, numero historial, national id, nationalid, national identification,
        national identity, national number, identity card, identity number, identity no, id card, idcard, id
        card number, id card no, identity card number, id number, idnumber, personal id, personal number,
        personal code, personalausweis, ausweisnummer, personnummer, fodselsnummer, henkilotunnus, cpf, nif,
        nie, dni, curp, pesel, bsn, cedula, rut, burgerservicenummer, codice fiscale, codfisc, insee, aadhaar,
        aadhar, adhaar, carte identite, citizen id, citizen number, citizenship number, documento identidad,
        dowod, dowod osobisty, cni, rg, rodne cislo, egn, cnp, 身份证, 身份证号, マイナンバー, 주민등록번호, medicare, nhs
        number, nhs no, patient number, mrn, medical record, government id, govt id, citizen no, hetu,
        isikukood, personnr, cpr, cpr nr, fodselsnr, oib, jmbg, emso, kimlik, kimlik no, tc kimlik, tckn, nik,
        ktp, no ktp, npwp, cmnd, cccd, sfz, shenfenzheng, snils, szemelyi szam, asmens kodas, amka, health
        card, health insurance number, health insurance no, insurance member, member insurance, medicaid,
        voter id, voter no, voter number, electoral roll, elector id, visa no, visa number, permit no, permit
        number, residence permit, work permit, green card, alien number, traveler no, traveller no, traveler
        number, traveller number, military id, ration card, identification no, identification number,
        identification id, birth certificate, nr dowodu, cislo op, piece identite, citizenship doc,
        citizenship document, id document""",
    "tax_id": """cuit, cuil, gstin, gst number, gst no, tax id, taxid, tax number, tax no, tax identification, tin, itin,
        steuer id, steuerid, steuernummer, steueridentifikationsnummer, numero fiscal, numero fiscale, rfc, utr, inn, pan
        card, taxpayer id, vat, vat id, vat number, vat no, tax vat, taxvat, partita iva, piva, adoszam, afm, siret personne,
        stcd, stceg, contribuinte, fiscal code, tax code personal, tax identifier""",
    "passport": """passport, passeport, pasaporte, passaporto, passaporte, reisepass, reisepassnummer,
        passnummer, paszport, paspoort, pass no, паспорт, 护照""",
    "driver_licence": """driver license, driver licence, drivers license, drivers licence, driving license, driving licence,
        driverlicense, dl number, dl no, drv lic, drivers lic, driver lic, fuhrerschein, fuehrerschein, permis conduire,
        permis de conduire, licencia conducir, licencia de conducir, patente guida, carta conducao, cnh, prawo jazdy,
        rijbewijs, licence no, license no, licence number, license number, fahrerlaubnis, driving permit, korkort, ajokortti,
        dl state""",
    "vehicle": """license plate, licence plate, number plate, plate number, plate no, kennzeichen, nummernschild, kfz,
        immatriculation, matricula, targa, kenteken, vin, vehicle registration, rejestracja, car registration, reg plate,
        registration plate, registration no, registration number, vrm, car plate, plat nomor""",
    "street": """address, addr, adr, addres, adress, adresse, adresa, adres, street, street address,
        streetaddress, strasse, straße, rue, voie, calle, direccion, domicilio, indirizzo, endereco,
        logradouro, morada, rua, ulica, straat, gata, avenue, address line, addressline, anschrift,
        wohnadresse, mailing address, postal address, ship to, bill to, deliver to, адрес, улица, 住所, 地址, 주소,
        stras, gatuadress, gateadresse, gade, vejnavn, katuosoite, lahiosoite, osoite, ulice, utca, lakcim,
        strada, alamat, jusho, juusho, dizhi, dia chi, ulitsa, dieythynsi, residence address, residenza,
        straatnaam, via residenza, hometown address, addr line, shipping line, billing line, mailing line,
        delivery line""",
    "house_number": """haus nr, haus no, house number, house no, house nr, house num, hausnummer, hausnr, huisnummer, numero
        civico, nr domu, numero rue, apartment, apt, apt no, apartment number, flat number, flat no, unit number, door number,
        po box, pobox, postfach""",
    "city": """city, town, stadt, ville, ciudad, cidade, citta, comune, miasto, plaats, woonplaats, wohnort,
        localite, localidad, localidade, municipio, birthplace, birth place, place of birth, city of birth,
        birth city, geburtsort, lieu naissance, lugar nacimiento, miejscowosc, город, 城市, ort1, mesto, obec,
        varos, telepules, oras, sehir, kaupunki, paikkakunta, postitoimipaikka, postort, poststed, gorod,
        kota, luogo nascita, miasto urodzenia, gbort, tempat lahir, birth town, bairro, comuna, suburb""",
    "zip": """zip, zip code, zipcode, zip plus, postal, postal code, postalcode, postcode, post code, plz,
        postleitzahl, code postal, codepostal, codigo postal, cod postal, cep, kod pocztowy, postnummer,
        postnr, pin code, pincode, eircode, 郵便番号, 邮编, индекс, pstlz, psc, iranyitoszam, irsz, cod postal,
        posta kodu, postinumero, postanski broj, kode pos, yubin bango, youbian, pcode, p code, zip5, zip4""",
    "birth_date": """dob, d o b, birth, birthdate, birth date, birth dt, birth day, birthday, date of birth,
        date birth, dateofbirth, dt birth, bday, born, born on, birth year, birthyear, year of birth, yob,
        birth month, geburtsdatum, geburtstag, geb datum, gebdatum, geb dat, gebdat, geb, geburtsjahr, date
        naissance, date de naissance, naissance, dt nasc, nascimento, data nascimento, data de nascimento,
        fecha nacimiento, nacimiento, fecha de nacimiento, fec nac, fecnac, fecha nac, data nascita, data di
        nascita, nascita, data urodzenia, urodzenia, geboortedatum, fodselsdato, fodelsedatum, дата рождения,
        生年月日, 出生日期, 생년월일, gbdat, datum narozeni, datum narodenia, narozeni, szuletesi datum, szuletesi ido,
        data nasterii, datum rodenja, datum rodjenja, datum rojstva, dogum tarihi, dogum, syntymaaika,
        syntymapaiva, fodselsdag, fodelsedag, fodt, tanggal lahir, tgl lahir, ngay sinh, seinengappi, tanjobi,
        shengri, rozhdeniya, data rozhdeniya, gimimo data, ddn, nato il, nata il, ne le, nee le""",
    "card": """card number, card no, card num, card nr, card nbr, cardnumber, cardno, cardnum, card pan,
        credit card, creditcard, debit card, payment card, bank card, cc number, cc num, cc no, cc nr, ccn,
        ccnum, ccno, ccnumber, crd no, crd num, cred card, kreditkarte, kreditkartennummer, kartennummer,
        karten nr, numero carte, carte bancaire, carte bleue, tarjeta, tarjeta credito, numero tarjeta, carta
        credito, carta di credito, cartao, numero cartao, numer karty, kredietkaart, pan number, pan no,
        primary account number, 信用卡""",
    "card_code": "cvv, cvc, cvv code, card code, card security code, security code card, csc, card pin",
    "bank_account": """iban, account number, account no, account num, account nr, acct no, acct num, acct number, acct nbr,
        accountnumber, accountno, acc no, bank account, bankaccount, bank acct, kontonummer, konto nr, kontonr, bankkonto,
        rekeningnummer, numero compte, compte bancaire, rib, cuenta bancaria, numero cuenta, clabe, conto corrente, conta
        bancaria, numer konta, nr konta, routing number, bankn, cislo uctu, tilinumero, nomor rekening, no rekening, creditor
        account, debtor account, beneficiary account, payee account, payer account, hesap no, szamlaszam""",
    "ip": """ip, ip address, ip addr, ipaddress, ipaddr, ip adresse, adresse ip, direccion ip, ipv, remote addr, remote
        address, client addr, forwarded for""",
    "mac": "mac address, mac addr, macaddress, macaddr, adresse mac",
    "device": """imei, imsi, iccid, sim serial, sim no, sim number, idfa, gaid, aaid, advertising id, android id, device
        fingerprint, udid""",
    "credential": """contasena, clave usuario, clave cliente, clave acceso, mfa secret, fa secret, pin number, password,
        passwd, pwd, passwort, kennwort, mot de passe, motdepasse, contrasena, senha, haslo, wachtwoord, password hash,
        passphrase, client secret, consumer secret, webhook secret, shared secret, totp secret, otp secret, secret access key,
        access key, user pass, userpass, api key, apikey, secret key, api secret, private key, reset token, remember token,
        access token, signup token, refresh token, auth token, session token, api token, puk, puk code, totp key, locker
        combo, locker pin""",
    "geo": "latitude, longitude, geolocation, geo location, gps, gps lat, gps lon, gps coordinates, home location",
})  # fmt: skip
"""Phrases that name a domain wherever they stand in a column's name."""

WHOLE = _phrases({
    "first_name": "first, given, fore, fn, vname, pnombre",
    "last_name": "last, family, ln, nname, snombre",
    "person": """contact, kontakt, contacto, holder, who, author, persona, recipient, sender, patient, applicant, guardian,
        passenger, employee, customer, client, manager, driver, doctor, teacher, student, owner, supervisor, parent, spouse,
        father, mother, husband, wife, nominee, guest, tenant, buyer, seller, borrower, instructor, reviewer, lecturer,
        cliente, kunde, mitarbeiter, empleado, paciente, attn, attention, visitor, caller, reporter, remitter, policyholder,
        insured""",
    "phone": "cell, ph, portable, tfno, tlf, tlfn, mobiltelefon, whats app",
    "card": "pan, cc, card",
    "zip": "cap, cp, post",
    "street": "str, via, direction, residence, location address, anschr",
    "city": "ort, place, loc, location, city name",
    "geo": "lat, lon, lng, long, coordinates",
    "ssn": "sin, ahv, nir, social, ss",
    "national_id": "document, cf, rc, ci",
    "driver_licence": "dl, license number, licence number, license no, licence no, license, licence",
    "bank_account": "account, acct, konto, bic iban",
    "username": "handle, usuario, utilisateur, benutzer, user, owner login",
    "mac": "mac",
    "vehicle": "registration, reg no",
    "birth_date": "bd, bdate, b date, d birth",
    "credential": "pass, secret, pin, clave",
})  # fmt: skip
"""Phrases that say so only when they are all of a name."""

DOUBTFUL = frozenset(
    _split(
        """contact, kontakt, contacto, who, author, recipient, sender, patient, card, account, acct, konto,
    user, place, loc, document, first, last, given, family, post, location address, direction, residence,
    secret, ci, cf, rc, rut, social, lat, lon, lng, long, str, coordinates, handle, owner login, pan, tin, rg,
    inn, rib, targa, handy, twitter, mail, holder, cc, pin, clave, applicant, guardian, passenger, employee,
    customer, client, manager, driver, doctor, teacher, student, owner, supervisor, parent, spouse, father,
    mother, husband, wife, nominee, guest, tenant, buyer, seller, borrower, instructor, reviewer, lecturer,
    cliente, kunde, mitarbeiter, empleado, paciente, location, license, licence, license no, license number, licence no,
    licence number, registration, registration no, registration number, reg no, permit no, permit number, attention, attn,
    visitor, caller, reporter, remitter, policyholder, insured, afm, nik, psc, puk"""
    )
)
"""Phrases that mean other things too: sampled values that look otherwise win over them."""

VAGUE = frozenset(_split("location, place, loc, license, licence, registration, reg no, permit no, permit number"))
"""Those of them that things have as well: where things are listed or traded, it is theirs."""

NAME = _set("name nm nom nome nombre naam namn navn nimi jmeno meno nama nume isim namae")
"""Words for the name of anything: the words beside them, or the table, say of what."""

PERSON = _set(
    """user usr customer cust client clnt cli person persona people human individual member subscriber holder employee emp
    empl staff worker colleague manager mgr boss supervisor director officer owner author writer artist actor patient pat
    doctor dr physician nurse student pupil teacher instructor professor lecturer coach trainer applicant candidate driver
    passenger pax guest visitor attendee participant player contact lead prospect recipient sender receiver buyer seller
    shopper donor borrower lender debtor creditor tenant landlord resident citizen voter child parent mother father mom
    dad spouse husband wife partner sibling brother sister guardian relative kin friend reviewer reporter commenter
    creator approver requester assignee agent adviser advisor broker consultant accountant lawyer attorney judge witness
    suspect victim beneficiary payee payer signer signatory insured policyholder cardholder caller callee salesperson
    representative rep operator admin administrator winner speaker hostess chef cashier clerk crew pilot captain actress
    singer lessee nominee kunde kunden benutzer nutzer mitarbeiter angestellter patienten mieter vermieter ansprechpartner
    inhaber empfanger absender besteller teilnehmer mitglied schuler lehrer arzt personne utilisateur salarie employe
    adherent abonne locataire proprietaire titulaire contactos cliente clientes usuario usuarios empleado empleados
    paciente pacientes alumno alumnos trabajador socio titular persone utente utenti dipendente paziente aluno alunos
    funcionario funcionarios pessoa pessoas klient klienci uzytkownik pracownik pacjent osoba gebruiker klant klanten
    medewerker kontakt account acct profile registrant subject respondent reader fan follower children spouses claimant
    payor remitter licensee lessor visitor traveler traveller reporter party householder occupant honoree cosigner musteri
    asiakas zakaznik pelanggan pasien karyawan siswa pracownicy kunder ansatt consignee consignor shipper addressee rider
    mbr plaintiff defendant petitioner counsel nanny babysitter carer caregiver caretaker neighbour neighbor roommate
    pensioner retiree veteran soldier inmate prisoner detainee offender accused convict juror refugee migrant pilgrim
    athlete referee umpire scout candidat candidata candidato acheteur vendeur eleve etudiant enseignant medecin infirmier
    avocat conjoint epoux pere mere enfant acquirente venditore studente medico avvocato coniuge padre madre figlio
    comprador vendedor medico abogado conyuge hijo huesped inquilino arrendatario kind mutter vater ehepartner ehefrau
    ehemann anwalt gast fahrer spieler bewerber antragsteller leerling ouder moeder vader huisarts huurder bestuurder stu
    stud applicant coapplicant"""
)
"""Who has a name, in columns and tables."""

ROLES = PERSON - _set(
    """account acct profile lead subject agent operator admin client fan reader follower people cust clnt cli pat usr emp rep
    party crew"""
)
"""Those of them that a column is called after whom it names: `project_owner`."""

BESIDES = _set(
    "home work private personal primary secondary main alt alternate alternative second other emergency office"
)
"""Words that may stand beside a phrase that is all of a name: `work_cell`."""

NOBODY = _set("sort order group partition filter power supply divide multiply split follow")
"""Words before `by` that ask for nobody: `sort_by`."""

ADDRESSED = _set(
    "subscription shipping billing ship bill delivery invoice emergency legal full real given maiden identity"
)
"""Words before `name` that mean a person's too, but no table of people."""

PEOPLE = _set("address adresse adressen direccion direcciones contactos identity profile")
"""Tables besides those of PERSON whose rows are people's."""

THING = _set(
    """tier tiere verlag buch kurs auto vertrag standort kontinent bezeichnung armadora fabricante proveedor editorial tienda
    sucursal fournisseur magasin product item article sku category cat subcategory genre tag label brand make model
    company comp organization organisation org business firm employer corporation merchant shop store branch department
    dept division team group squad role permission privilege right feature module plugin package service plan tier course
    lesson class school university college faculty campus hospital clinic ward hotel restaurant venue room building floor
    property warehouse plant facility site station airport airline port vessel boat flight route line vehicle car truck
    machine device equipment sensor asset part component material ingredient recipe dish menu drug medication medicine
    disease diagnosis procedure test exam campaign project job position title occupation skill language lang country
    region state province county city town district place location area zone continent territory street currency unit
    color colour size shape style theme template form field column table schema database db index key host server node
    cluster domain network file folder directory dir document doc report dashboard widget page url link image img photo
    picture icon video track album song playlist movie film series episode game book publisher journal media format type
    kind status stage phase level grade rank class setting option config configuration parameter param variable attribute
    function method process thread queue topic channel action operation rule policy condition code version release build
    branch repository repo commit environment env application app program software tool system platform os browser bank
    carrier provider vendor supplier manufacturer producer distributor warranty promotion discount coupon voucher tax fee
    bin shelf batch lot season year month week day holiday calendar schedule shift timezone species breed animal pet flag
    badge achievement medal award goal metric measure kpi question poll quiz fund portfolio stock instrument exchange
    constraint trigger view sequence migration seed fixture edge layer map chart segment bucket cohort experiment variant
    produkt artikel kategorie marke firma unternehmen abteilung gruppe rolle land projekt datei produit categorie marque
    entreprise societe groupe fichier pays projet producto categoria marca empresa compania departamento grupo archivo
    pais proyecto prodotto azienda gruppo paese progetto produto arquivo projeto kategoria marka stanowisko categorie merk
    bedrijf land sport league club tournament match stadium party union committee ministry agency office institution
    foundation scope grant token certificate webhook integration connector endpoint resource bundle locale translation
    subscription scheme coverage peril venue benefit procedure polling produk ordre prodavnica house tariff tarif
    tarifa"""
)
"""What has a name of its own that is no person's."""

EVENTS = _set(
    """post ticket order issue thread message payment transaction event meeting conference contract task answer survey"""
)
"""What may have a name too, while a `name` in such a table is rather that of a person who took part."""

PLACES = _set(
    """city town country region state province county district continent territory airport station port zip postal postcode
    zipcode geo geography municipality area zone timezone place ciudad ville stadt pais land ort comune municipio plz"""
)
"""Tables of these list places, not where anybody lives."""

TRADE = _set(
    """price cost sku stock quantity qty barcode ean upc isbn weight colour color discount currency iso rating genre duration
    slug sort position parent width height depth icon permission manufacturer"""
)
"""Columns that stand beside the name of a thing."""

ABOUT = _set(
    """sent verified confirmed validated validation verification at on date time timestamp ts day count cnt counter type typ
    kind category status state flag enabled disabled active opt optin optout subscribed subscription preference preferred
    pref consent length len size max min format template subject id ids uuid guid version ver model os app application
    provider carrier operator domain server host port method mode level score rank order sort index idx position label
    error attempt limit quota price cost fee link required allowed visible public hidden unique valid invalid bounced
    bounce opened clicked open click queue queued job campaign list group language lang locale expires expiry expired
    expiration changed updated created reset icon image img color country region province county continent timezone
    sequence seq step priority weight rate ratio percentage percent total sum avg average scope schema engine prefix
    suffix extension ext frequency interval notification notifications setting settings policy rule history plan class
    token brand issuer network area pattern mask regex digest usage used available exists present missing match matched
    source origin channel role permission module defined deleted retries retry duration delay accuracy precision zoom
    radius gateway pool range subnet netmask file path archive relation relationship"""
)
"""Words after a personal one that make the column tell something about it instead of being it."""

ABOUT_BEFORE = _set(
    """is has had can should was did does do allow allows enable enables require requires need needs wants want show hide
    count cnt max min avg total sum nb supports accepts receive receives tipo estado clase classe categoria"""
)
"""The same before it, as the first word."""

FREE = _set(
    """biografie biografia biographie note notes comment comments description descr desc message msg body bio biography remark
    remarks memo text content contents detail details feedback review about summary narrative explanation reason complaint
    transcript answer history statement story abstract observation instruction instructions testimonial inquiry enquiry
    request response bemerkung bemerkungen kommentar notiz notizen beschreibung nachricht anmerkung hinweis nota notas
    comentario comentarios observacao observacoes observacion observaciones mensaje mensagem descripcion descricao
    descrizione commento commentaire commentaires remarque remarques opmerking opmerkingen uwaga uwagi opis wiadomosc
    diagnosis anamnesis payload json xml html metadata meta raw blob properties attributes params headers custom extra
    data log dump document signature примечание комментарий 備考 备注"""
)
"""Columns of text without end: anything may be in them, also in the middle of a sentence."""

FREE_FIRST = _set(
    """nota notas comentario comentarios observacao observacoes observacion observaciones mensaje mensagem descripcion
    descricao descrizione commentaire commentaires remarque remarques opis uwagi"""
)
"""Those of them that come first in their language: `descripcion_pedido`."""

DETAILS = _set("detail details data text info raw")
"""Those of them that may say no more than that it is all there: `address_details`."""

NOISE = _set(
    """tbl tb t dim fact fct stg tmp temp bak backup old new archive arch hist audit v vw data master mst info information
    detail details table base raw src list record records entry rel x me str txt vc sz fld col s c f p u my the of de del
    do da di der des la le el und et y e i a to for no nr num nbr number nummer numero numer value val main primary
    secondary home work private personal second third current previous orig original clean norm normalized plain display
    short long alt alternative line"""
)
"""Words that say nothing about whose name it is."""

PARTS = _set(
    """nummer numero number num nbr adresse address addr name nm line zeile code mail cust customer user home work mobile
    office business private primary secondary alt main billing shipping contact cont emergency full first last date datum
    text from to by sender receiver client kunden with and has is email card credit phone phonetic alternate holder numer
    org str txt new old"""
)
"""More words that others are written together with."""

STEMS = {
    "email": 2, "phone": 2, "telefon": 3, "passport": 2, "surname": 2, "firstname": 2, "lastname": 2, "birthdate": 2,
    "fname": 1, "lname": 1, "ssn": 1, "dob": 1, "iban": 1,
}  # fmt: skip
"""Words that are recognised with so many letters too many: `emaill`, `cphone`, `essn`."""

_PERSONAL = frozenset(word for phrase in STRONG for word in phrase)

KNOWN = frozenset(
    _PERSONAL | set(ALIKE) | NAME | PERSON | ADDRESSED | PEOPLE | THING | EVENTS | PLACES
    | TRADE | ABOUT | ABOUT_BEFORE | FREE | PARTS
)  # fmt: skip
"""What a word that is written together may be made of."""

SHORTENED = tuple(sorted(word for word in _PERSONAL | PERSON if len(word) > 6 and word.isascii()))
"""Words that are recognised by their beginning, five letters at least: `fec_nacim`, `passp_no`."""
