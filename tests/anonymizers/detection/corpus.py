"""Columns of well-known schemas and of our own, labelled by hand: what detection is measured against.

A table is `name: column column …`. A column is `name`, `name:kind` or `name:kind(length)`; text where no kind is given. After
`=` stands what it holds; without it the column is nobody's. `?` marks columns nobody can judge: free text and documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from anonymizers.contract import ColumnShape

KNOWN_SCHEMAS = """
Artist: ArtistId:integer Name=person
Album: AlbumId:integer Title ArtistId:integer
Customer: CustomerId:integer FirstName=first_name LastName=last_name Company Address=street City=city State Country
  PostalCode=zip Phone=phone Fax=phone Email=email SupportRepId:integer
Employee: EmployeeId:integer LastName=last_name FirstName=first_name Title ReportsTo:integer BirthDate:timestamp=birth_date
  HireDate:timestamp Address=street City=city State Country PostalCode=zip Phone=phone Fax=phone Email=email
Genre: GenreId:integer Name
Invoice: InvoiceId:integer CustomerId:integer InvoiceDate:timestamp BillingAddress=street BillingCity=city BillingState
  BillingCountry BillingPostalCode=zip Total:decimal
MediaType: MediaTypeId:integer Name
Playlist: PlaylistId:integer Name
Track: TrackId:integer Name AlbumId:integer MediaTypeId:integer GenreId:integer Composer Milliseconds:integer
  UnitPrice:decimal
suppliers: supplier_id:integer company_name(40) contact_name(30)=person contact_title(30) address(60)=street city(15)=city
  region(15) postal_code(10)=zip country(15) phone(24)=phone fax(24)=phone homepage
orders: order_id:integer customer_id(5) employee_id:integer order_date:date required_date:date shipped_date:date
  ship_via:integer freight:float ship_name(40)=person ship_address(60)=street ship_city(15)=city ship_region(15)
  ship_postal_code(10)=zip ship_country(15)
products: product_id:integer product_name(40) supplier_id:integer category_id:integer quantity_per_unit(20) unit_price:float
  units_in_stock:integer discontinued:boolean
categories: category_id:integer category_name(15) description=? picture:binary=?
shippers: shipper_id:integer company_name(40) phone(24)=phone
territories: territory_id(20) territory_description(60) region_id:integer
actor: actor_id:integer first_name=first_name last_name=last_name last_update:timestamp
address: address_id:integer address=street address2=street district city_id:integer postal_code=zip phone=phone
  location:other=? last_update:timestamp
city: city_id:integer city country_id:integer last_update:timestamp
country: country_id:integer country
film: film_id:integer title(128) description=? release_year:integer language_id:integer rental_duration:integer
  rental_rate:decimal length:integer rating(10) special_features(200)
staff: staff_id:integer first_name=first_name last_name=last_name address_id:integer picture:binary=? email=email
  store_id:integer active:boolean username=username password=credential
language: language_id:integer name(20)
wp_users: ID:integer user_login=username user_pass=credential user_nicename=username user_email=email user_url
  user_registered:timestamp user_activation_key user_status:integer display_name=person
wp_comments: comment_ID:integer comment_post_ID:integer comment_author=person comment_author_email=email
  comment_author_url=person comment_author_IP=ip comment_date:timestamp comment_content=? comment_karma:integer
  comment_approved(20) comment_agent(255) comment_type(20) comment_parent:integer
wp_posts: ID:integer post_author:integer post_date:timestamp post_content=? post_title post_excerpt post_status(20)
  comment_status(20) post_password(255)=credential post_name(200) guid(255) menu_order:integer post_mime_type(100)
wp_terms: term_id:integer name(200) slug(200) term_group:integer
auth_user: id:integer password(128)=credential last_login:timestamp is_superuser:boolean username(150)=username
  first_name(150)=first_name last_name(150)=last_name email(254)=email is_staff:boolean date_joined:timestamp
auth_group: id:integer name(150)
auth_permission: id:integer name(255) content_type_id:integer codename(100)
django_session: session_key(40) session_data=? expire_date:timestamp
res_partner: id:integer name=person company_id:integer lang(5) tz(64) ref vat=tax_id website street=street street2=street
  zip=zip city=city state_id:integer country_id:integer email=email phone=phone mobile=phone is_company:boolean
  color:integer email_normalized=email phone_sanitized=phone partner_latitude:decimal=geo partner_longitude:decimal=geo
  comment=? active:boolean signup_token signup_type
users_gl: id:integer email=email encrypted_password=credential reset_password_token reset_password_sent_at:timestamp
  sign_in_count:integer current_sign_in_at:timestamp last_sign_in_at:timestamp current_sign_in_ip=ip last_sign_in_ip=ip
  name=person admin:boolean projects_limit:integer skype=username linkedin=username twitter=username bio(255)
  failed_attempts:integer locked_at:timestamp username=username can_create_group:boolean state confirmation_token
  confirmed_at:timestamp unconfirmed_email=email hide_no_ssh_key:boolean notification_email=email
  commit_email=email public_email=email layout:integer
employees: emp_no:integer birth_date:date=birth_date first_name(14)=first_name last_name(16)=last_name gender(1)
  hire_date:date
departments: dept_no(4) dept_name(40)
EMPLOYEES: EMPLOYEE_ID:integer FIRST_NAME(20)=first_name LAST_NAME(25)=last_name EMAIL(25)=email PHONE_NUMBER(20)=phone
  HIRE_DATE:date JOB_ID(10) SALARY:decimal COMMISSION_PCT:decimal MANAGER_ID:integer DEPARTMENT_ID:integer
LOCATIONS: LOCATION_ID:integer STREET_ADDRESS(40)=street POSTAL_CODE(12)=zip CITY(30)=city STATE_PROVINCE(25)
  COUNTRY_ID(2)
JOBS: JOB_ID(10) JOB_TITLE(35) MIN_SALARY:integer MAX_SALARY:integer
customer_entity: entity_id:integer website_id:integer email=email group_id:integer increment_id store_id:integer
  created_at:timestamp is_active:integer created_in prefix(40) firstname=first_name middlename=first_name
  lastname=last_name suffix(40) dob:date=birth_date password_hash(128)=credential rp_token rp_token_created_at:timestamp
  taxvat(50)=tax_id confirmation(64) gender:integer failures_num:integer
sales_order: entity_id:integer state(32) status(32) coupon_code(255) shipping_description(255) customer_id:integer
  base_grand_total:decimal customer_dob:timestamp=birth_date customer_email(128)=email customer_firstname(128)=first_name
  customer_lastname(128)=last_name customer_note=? customer_taxvat(32)=tax_id order_currency_code(3) remote_ip(45)=ip
  shipping_method(120) store_name(255) x_forwarded_for(255)=ip email_sent:integer send_email:integer
contacts: id:uuid salutation(255) first_name(100)=first_name last_name(100)=last_name title(100) department(255)
  do_not_call:boolean phone_home(100)=phone phone_mobile(100)=phone phone_work(100)=phone phone_other(100)=phone
  phone_fax(100)=phone primary_address_street(150)=street primary_address_city(100)=city primary_address_state(100)
  primary_address_postalcode(20)=zip primary_address_country(255) assistant(75)=person assistant_phone(100)=phone
  lead_source(255) birthdate:date=birth_date description=?
person_name: person_name_id:integer preferred:boolean person_id:integer prefix(50) given_name(50)=first_name
  middle_name(50)=first_name family_name_prefix(50) family_name(50)=last_name degree(50) voided:boolean
mdl_user: id:integer auth(20) confirmed:integer username(100)=username password(255)=credential idnumber(255)=national_id
  firstname(100)=first_name lastname(100)=last_name email(100)=email phone1(20)=phone phone2(20)=phone institution(255)
  department(255) address(255)=street city(120)=city country(2) lang(30) timezone(100) firstaccess:integer
  lastip(45)=ip secret(15)=credential picture:integer description=? mailformat:integer maildisplay:integer
  lastnamephonetic(255)=last_name firstnamephonetic(255)=first_name middlename(255)=first_name alternatename(255)=person
spree_addresses: id:integer firstname=first_name lastname=last_name address1=street address2=street city=city zipcode=zip
  phone=phone state_name alternative_phone=phone company state_id:integer country_id:integer
spree_credit_cards: id:integer month(2) year(4) cc_type last_digits(4) address_id:integer gateway_customer_profile_id
  gateway_payment_profile_id name=person user_id:integer default:boolean
bookings: book_ref(6) book_date:timestamp total_amount:decimal
tickets: ticket_no(13) book_ref(6) passenger_id(20) passenger_name=person contact_data:json=?
airports: airport_code(3) airport_name city coordinates:other=? timezone
aircrafts: aircraft_code(3) model range:integer
"""

OUR_OWN = """
kunden: kunden_nr:integer anrede(10) vorname=first_name nachname=last_name geburtsdatum:date=birth_date strasse=street
  hausnummer(10)=house_number plz(5)=zip ort=city telefon=phone handynummer=phone email_adresse=email kontonummer=bank_account
  steuer_id=tax_id erstellt_am:timestamp umsatz:decimal
clients: id:integer nom=last_name|person prenom=first_name date_naissance:date=birth_date rue=street code_postal=zip
  ville=city telephone=phone courriel=email numero_secu=ssn actif:boolean nb_commandes:integer
clientes: id:integer nombre=first_name|person apellidos=last_name fecha_nacimiento:date=birth_date direccion=street
  ciudad=city codigo_postal=zip telefono=phone movil=phone correo_electronico=email dni=national_id saldo:decimal
clienti: id:integer nome=first_name|person cognome=last_name data_nascita:date=birth_date indirizzo=street cap(5)=zip
  citta=city codice_fiscale=national_id cellulare=phone importo:decimal
usuarios: id:integer nome_completo=person cpf=national_id data_nascimento:date=birth_date endereco=street cidade=city
  cep=zip celular=phone senha=credential ativo:boolean
klienci: id:integer imie=first_name nazwisko=last_name pesel=national_id data_urodzenia:date=birth_date ulica=street
  miasto=city kod_pocztowy=zip telefon=phone nip status(20)
klanten: id:integer voornaam=first_name achternaam=last_name geboortedatum:date=birth_date straat=street huisnummer=house_number
  postcode=zip woonplaats=city telefoon=phone bsn=national_id rekeningnummer=bank_account
payments: id:integer order_id:integer card_number=card card_holder=person card_expiry(5) card_type(20) cvv(4)=card_code
  amount:decimal currency(3) status(20) paid_at:timestamp gateway_token
cards: id:integer cc_num:integer=card ccn=card pan_number=card card_brand(20) card_country(2) exp_month:integer
patients: mrn(20)=national_id ssn(11)=ssn pat_nm=person dob:date=birth_date home_phone=phone emergency_contact_name=person
  emergency_contact_phone=phone insurance_plan_name blood_type(3) admission_date:date ward_name doctor_name=person
logins: id:integer user_id:integer ip_address=ip user_agent(255) client_ip:integer=ip mac_addr(17)=mac logged_in_at:timestamp
  success:boolean login_count:integer country_code(2)
drivers: id:integer driver_license_no=driver_licence passport_no=passport license_plate=vehicle phone_no:integer=phone
  rating:decimal vehicle_model trips_count:integer
metrics: id:integer email_sent_at:timestamp email_verified:boolean name_length:integer city_count:integer phone_type(10)
  email_template(50) email_subject(100) ip_count:integer is_email_verified:boolean has_phone:boolean email_status(20)
  phone_verified_at phone_country_code(4) address_type(10) email_domain(80) address_id:integer city_id:integer
  contact_id:integer last_login:timestamp zip_file_path mac_os_version ip_version(4) birth_rate:float birthday_email_sent
  email_opt_in(3) mobile_app_version(10) card_status(10) username_changed_at name_prefix(10) login_attempts:integer
services: id:integer host_name server_name port:integer protocol(10) file_name table_name schema_name column_name event_name
  domain_name service_name queue_name bucket_name image_name tag_name branch_name role_name plan_name currency_name
  language_name country_name state_name department_name company_name brand_name category_name product_name team_name
cities: id:integer name region_id:integer latitude:float longitude:float population:integer zip city
brands: id:integer name slug country(2)
roles: id:integer name
tags: id:integer name color(7)
inventory: sku(20) name price:decimal stock:integer barcode(13)
course_types: id:integer name code(10)
devices: id:integer name model serial imei(15)=device os_version(20) last_seen:timestamp
shipments: id:integer tracking_number(30) carrier_name weight:decimal recipient_name=person recipient_phone=phone
  delivery_address=street delivery_notes=? sent_at:timestamp
audit: id:integer action(40) entity(40) entity_id:integer old_values:json=? new_values:json=? actor_email=email at:timestamp
fields: table_name column_name data_type(20) is_nullable(3) ordinal_position:integer
"""


@dataclass(frozen=True)
class Labelled:
    """A column and what it holds: one of `domains`; none: nothing personal. `judged` by a person where it holds anything."""

    table: str
    column: str
    shape: ColumnShape
    domains: frozenset[str]
    judged: bool


_COLUMN = re.compile(r"(?P<name>\w+)(:(?P<kind>\w+))?(\((?P<length>\d+)\))?(=(?P<domain>\S+))?$")


def tables(text: str) -> Iterator[list[Labelled]]:
    """The tables of a corpus."""
    for line in text.strip().replace("\n  ", " ").splitlines():
        table, _, columns = line.partition(": ")
        yield [_column(table, column) for column in columns.split()]


def _column(table: str, text: str) -> Labelled:
    found = _COLUMN.match(text)
    assert found, text
    length = int(found["length"]) if found["length"] else None
    domain = found["domain"] or ""
    domains = frozenset() if domain in ("", "?") else frozenset(domain.split("|"))
    return Labelled(table, found["name"], ColumnShape(found["kind"] or "text", length=length), domains, domain == "?")
