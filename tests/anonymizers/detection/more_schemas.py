"""Columns of more schemas, in many languages and abbreviations: what recall by name alone is measured on.

Written down list by list before the rules that find them: each list was measured first and learnt from afterwards. A table
is `name: personal columns | other columns`; a column is `name` or `name:kind`, see KINDS.
"""

from __future__ import annotations

from collections.abc import Iterator

from anonymizers.contract import ColumnShape
from anonymizers.detection.contract import Candidate

SCHEMAS = """
KNA1: NAME1 NAME2 STRAS ORT01 PSTLZ TELF1 TELFX STCD1 | KUNNR LAND1 BRSCH KTOKD ERDAT:d SPRAS MANDT LOEVM
ADR6: SMTP_ADDR | ADDRNUMBER PERSNUMBER FLGDEFAULT
PA0002: VORNA NACHN GBDAT:d RUFNM | BEGDA:d ENDDA:d ANZKD:i NATIO SPRSL
LFBK: KOINH BANKN | BANKS BKREF BVTYP
HZ_PARTIES: PERSON_FIRST_NAME PERSON_MIDDLE_NAME PERSON_LAST_NAME ADDRESS1 ADDRESS2 POSTAL_CODE EMAIL_ADDRESS
  PRIMARY_PHONE_NUMBER JGZZ_FISCAL_CODE | PARTY_ID:i PARTY_TYPE STATUS ORIG_SYSTEM_REFERENCE EMPLOYEES_TOTAL:i SIC_CODE
Contact: MailingStreet MailingCity MailingPostalCode OtherPhone HomePhone AssistantName AssistantPhone Birthdate:d |
  LeadSource IsDeleted:b LastActivityDate:d OwnerId AccountId EmailBouncedDate:t HasOptedOutOfEmail:b DoNotCall:b
contactbase: emailaddress1 telephone1 mobilephone address1_line1 address1_city fullname governmentid spousesname
  childrensnames managername | address1_addresstypecode:i numberofchildren:i creditlimit:n statecode:i donotbulkemail:b
  preferredcontactmethodcode:i versionnumber:i
sales_order: customer_email customer_firstname customer_lastname customer_dob:d remote_ip customer_taxvat x_forwarded_for
  | increment_id shipping_method coupon_code grand_total:n email_sent:b customer_is_guest:b store_name
  shipping_description order_currency_code customer_group_id:i
wp_users: user_login user_pass user_nicename user_email display_name user_activation_key | user_registered:t user_status:i
wp_comments: comment_author comment_author_email comment_author_IP | comment_approved comment_karma:i comment_type
  comment_parent:i
res_partner: phone_sanitized street2 vat signup_token | partner_latitude_source color:i credit_limit:n
  commercial_company_name supplier_rank:i lang tz
hr_employee: work_email identification_id passport_id place_of_birth emergency_contact emergency_phone private_street
  ssnid sinid visa_no permit_no work_phone | job_title km_home_work:i children:i marital resource_id:i coach_id:i
  visa_expire:d barcode_scheme
PS_PERSONAL_DATA: NATIONAL_ID BIRTHDATE:d ADDRESS1 POSTAL PHONE NAME_DISPLAY BIRTHPLACE | EFFDT:d SEX_CD FT_STUDENT
  MAR_STATUS HIGHEST_EDUC_LVL LAST_UPD_DTTM:t
students: student_name pupil_dob:d guardian_name guardian_phone mother_name father_mobile parent_email home_address
  next_of_kin upn | admission_date:d year_group house_name form_class grade_point_avg:n attendance_pct:n free_meals:b
  course_name subject_name enrolment_status
teachers: teacher_name forename other_names known_as staff_email home_tel | start_date:d department_name salary_band
  contract_type room_name
patients: PatientName nhs_number mrn next_of_kin_phone medicare_no HealthCardNumber maiden_name patient_address
  insurance_member_id | blood_group ward_name bed_no diagnosis_code admitted_at:t discharge_reason height_cm:n weight_kg:n
  allergies_count:i
person_name: given_name middle_name family_name family_name2 | preferred:b prefix_code voided:b date_created:t
person_address: city_village address3 postal_code county_district_addr latitude:f longitude:f | address_type_id:i
  date_voided:t
reservations: guest_name guest_email guest_phone passport_number license_plate car_registration booker_name lead_guest |
  room_type arrival_date:d departure_date:d nights:i rate_plan_name board_basis no_of_guests:i channel_code hotel_name
  confirmation_sent_at:t
accounts: account_holder account_number iban holder_address cust_name | account_type account_status branch_name
  branch_code balance:n overdraft_limit:n interest_rate:n bic bank_name opened_on:d currency_name
cards: card_no pan pin cvv2 name_on_card embossed_name | card_type card_status issuer_code scheme_name daily_limit:n
  expiry_notice_sent:b contactless_enabled:b
payments: beneficiary_name beneficiary_iban payer_name remitter debtor_name creditor_account payee | payment_method
  value_date:d end_to_end_ref purpose_code fee_amount:n settlement_status batch_no
cdr: calling_number called_number msisdn imsi imei a_number b_party | call_duration:i cell_id:i roaming_flag:b bytes_up:i
  tariff_code trunk_group release_cause:i start_time:t
subscribers: subscriber_name iccid sim_serial contact_no alt_contact puk | plan_name activated_on:d churn_score:f
  data_cap_mb:i bundle_name
shipments: ship_to_name ship_to_addr1 recipient delivery_address shipping_phone consignee deliver_to receiver_mobile |
  tracking_no carrier_name weight:n parcel_count:i shipped_at:t delivery_status service_level incoterm depot_code
checkout: paypal_email buyer_email bill_to_first_name bill_to_last_name billto_zip cc_num cc_holder browser_ip
  user_agent_ip | cart_total:n cart_items:i voucher_code gift_wrap:b tax_rate:n tax_code device_type payment_provider
  checkout_step
voters: voter_id voter_name electoral_roll_no residence_address | precinct party_affiliation_code turnout:b
  polling_station_name ballot_type
taxpayers: taxpayer_name tin ni_number utr spouse_ssn ssn_last4 | filing_status fiscal_year:i refund_amount:n
  assessment_type tax_bracket return_received_on:d
licences: licensee_name driver_license_number licence_no license registration_no owner_name vin | licence_class
  issued_at:t expires_at:t issuing_authority endorsement_points:i fee_paid:n licence_category licence_status
citizens: aadhaar_no pan_number ration_card_no fathers_name permanent_address | district_code caste_cert_issued:b
  scheme_code subsidy_amount:n
kunden: kunde_nachname strasse_nr hausnummer telefonnummer handynummer geburtstag:d ansprechpartner kontoinhaber
  steuernummer ausweisnummer benutzername kennwort anschrift wohnort | kundennummer_art rabatt:n angelegt_am:d sperrgrund
  mahnstufe:i zahlungsart lieferart anzahl_bestellungen:i
mitarbeiter: mitarbeitername vorname_2 geburtsname rufname privat_telefon notfallkontakt sv_nummer personalausweis_nr
  dienst_email | eintritt:d abteilung kostenstelle lohngruppe urlaubstage:i gehaltsstufe artikelbezeichnung
clients_fr: nom prenom adresse_livraison code_postal ville date_naissance:d numero_secu courriel tel_portable mot_de_passe
  nom_jeune_fille | civilite_code montant:n date_commande:d statut libelle remise:n mode_paiement nb_commandes:i
clientes: nombre apellidos correo_electronico fecha_nacimiento:d domicilio codigo_postal celular rut curp nombre_completo
  apellido_paterno num_tarjeta | fecha_alta:d estado_pedido importe:n tipo_cliente descuento:n cantidad:i forma_pago
  nombre_producto
pessoas: nome sobrenome endereco cep telefone celular data_nascimento:d cpf_cliente rg nome_mae logradouro bairro_endereco
  | data_cadastro:d situacao valor_total:n tipo_pessoa quantidade:i nome_produto observada:b
anagrafica: cognome indirizzo cap cellulare data_nascita:d luogo_nascita partita_iva nominativo posta_elettronica |
  importo:n stato_ordine tipo_documento quantita:i data_ordine:d sconto:n categoria descrizione_breve
klanten: voornaam tussenvoegsel geboortedatum:d huisnummer bsn woonplaats telefoonnummer mobiel e_mailadres rekeningnummer
  | klantsoort bedrag:n besteldatum:d aantal:i korting:n betaalwijze omschrijving_kort
pacjenci: adres_zamieszkania miejscowosc kod_pocztowy nr_telefonu data_urodzenia:d nr_dowodu nazwisko_rodowe ulica |
  data_wizyty:d kwota:n oddzial status_wizyty liczba_wizyt:i
kunder: personnummer efternamn gatuadress postnr fodelsedatum:d mobilnummer fornamn ort epost | belopp:n ordernummer
  antal:i rabattkod skapad:t
musteri: ad soyad dogum_tarihi:d adres cep_telefonu tc_kimlik_no eposta sehir | siparis_no tutar:n durum adet:i
asiakas: etunimi sukunimi henkilotunnus puhelin osoite postinumero sahkoposti | tilausnumero summa:n tila maara:i
zakaznik: jmeno prijmeni rodne_cislo ulice mesto psc telefon | cena:n datum_objednavky:d stav mnozstvi:i
sotrudniki: familiya imya otchestvo data_rozhdeniya:d telefon_dom snils adres_propiski | dolzhnost oklad:n otdel stazh:i
kokyaku: shimei furigana jusho denwa_bango yubin_bango mei_kana seinengappi:d | kingaku:n juchu_bi:d suryo:i
pelanggan: nama_lengkap alamat no_hp tanggal_lahir:d nik nomor_rekening nama_ibu | harga:n jumlah:i tanggal_pesanan:d
  metode_bayar
app_user: login nick nickname handle screen_name avatar_owner pwd_hash last_ip facebook_id twitter_handle skype whatsapp
  linkedin_url reset_token | last_login_at:t login_count:i theme locale is_staff:b failed_logins:i tz_offset:i
  email_verified:b newsletter_opt_in:b nickname_changed_at:t
crm_lead: contact contact_name contact_person primary_contact cell work_ph direct_dial sender_mail referred_by_name |
  contact_type contact_reason contact_count:i lead_score:i campaign_name source_channel lost_reason next_action:d
  contact_source stage_name
field_visit: location gps_lat:f gps_lng:f coordinates geom_point home_location rep_name signature_name visitor |
  location_type location_code visit_reason started_at:t outcome_code distance_km:n location_count:i
claims: claimant_name insured_name policyholder witness_name witness_phone plate_number injured_party adjuster_email |
  claim_no_prefix loss_date:d reserve:n peril_code coverage_name deductible:n claim_status police_report:b
tenants: tenant_fname tenant_lname co_signer guarantor_phone mailing_addr unit_address prior_address landlord_name |
  rent:n lease_start:d deposit:n unit_no pets_allowed:b bedrooms:i
donors: donor_name honoree_name salutation_name addr_line_1 addr_line_2 town postcode evening_phone | gift_amount:n
  appeal_code fund_name tax_receipt_sent:b thanked_on:d
flight_pax: pax_name pax_surname ffp_number passport_num known_traveler_no date_birth:d | seat_no fare_class flight_no
  gate bag_count:i meal_code cabin pnr_status
tickets: requester_name requester_email reporter assignee_name caller_id on_behalf_of cc_emails | ticket_no severity
  opened_at:t sla_hours:i queue_name product_version reopened:b category_name
devices: owner_email mac serial_no_imei ip_addr client_ip host_ip android_id idfa | os_version model firmware
  battery_pct:i app_version last_sync:t mobile_app_build manufacturer ip_version:i
library_members: patron_name patron_phone card_holder birth_dt:d home_phone2 borrower | loans:i fines:n joined_on:d branch
  title isbn publisher shelf_mark copies:i
invoice: bill_to attention attn customer_addr cust_tel customer_vat_no | invoice_no due_date:d net:n terms_code paid:b
  line_count:i currency_rate:n posting_key
products: | product_name sku ean unit_price:n category_name brand stock:i description_short color size weight:n
  supplier_code discontinued:b min_order_qty:i warranty_months:i tax_class image_count:i reorder_level:i
settings: | setting_name setting_value_type module table_name column_name file_name file_ext class_name server_name
  process_name locale_name host_group port:i retries:i
inventory: | plant material_no batch_no storage_bin movement_type uom gl_account cost_center posting_date:d company_code
  profit_center qty:n warehouse_code
calendar: | event_name starts_on:d ends_on:d capacity:i venue_type season_name fiscal_period holiday_name day_name
  month_name quarter:i
geo_ref: | country_name region_name continent iso2 iso3 population:i capital_name area_km2:n currency_code
mail_queue: from_address to_address reply_to bcc_list | template_name subject_code sent_at:t attempts:i mail_type
  address_type bounce_code priority:i
logs: actor_email source_ip user_name | level_name component thread_no:i duration_ms:i request_path http_status:i trace_id
  phone_verified:b address_count:i city_id:i name_length:i
insured_persons: insured_surname policy_holder_nm birth_dte:d nat_ins_no home_addr_1 home_addr_2 pcode tel_home
  e_mail_priv | policy_no_type premium:n cover_start:d excess:n no_claims_years:i vehicle_group sum_assured:n
gym_member: mbr_fname mbr_lname mbr_email mbr_cell emerg_contact_name emerg_contact_ph locker_pin | membership_tier
  join_dt:d freeze_flag:b visits_total:i class_pack trainer_rating:f
applicants: candidate_full_nm cv_email linkedin_profile_url current_employer_contact mobile_tel date_naiss:d num_passeport
  | req_no stage salary_expectation:n interview_round:i source_channel notice_days:i rejected_reason_code
taxi_ride: rider_phone driver_nm pickup_address dropoff_address rider_lat:f rider_lng:f driver_badge_no plate | fare:n
  surge:f distance_m:i ride_status pickup_zone vehicle_class rating:i
bank_customer: cif_name mothers_maiden_name pan_card_no aadhaar customer_mobile nominee_name comm_address1 comm_pincode
  acct_holder_nm | cif_segment risk_grade kyc_done:b branch_id:i product_code avg_balance:n relationship_type
forum_users: uname email_hash_source real_name ip_register avatar_email last_login_ip msn icq yim signature_email |
  post_count:i reputation:i rank_title usergroup_id:i timezone_offset banned:b
kita_kind: kind_vorname kind_nachname mutter_name vater_telefon geb_datum:d abholberechtigter allergiker_name hausarzt |
  gruppe_nr betreuungsstunden:i eintritt_am:d impfstatus essen_vegetarisch:b
huesped: nombre_huesped apellido_1 apellido_2 nro_documento tel_contacto correo direccion_casa pasaporte_num fec_nacim:d |
  nro_habitacion tarifa:n fecha_entrada:d noches:i tipo_cama canal_venta
medecin_patient: nom_patient prenom_patient nom_marital adresse_1 cp_ville num_ss tel_fixe email_perso medecin_traitant |
  code_acte tarif_base:n date_acte:d duree_min:i taux_remb:n type_consultation
dipendenti: nome_dip cognome_dip cod_fiscale residenza_via residenza_cap email_az cell_aziendale nato_il:d iban_stipendio
  | livello ore_contratto:i reparto sede_cod costo_orario:n tipo_contratto
werknemer: roepnaam voorletters achternaam_partner straatnaam postcode_woon tel_prive email_werk sofinummer iban_nr |
  functie fte:f afdeling schaal indienst:d contracttype
legal_case: plaintiff defendant counsel_name judge_name opposing_party client_ssn witness_address | docket_no filed_on:d
  court_code case_type disposition hearing_count:i
domain_whois: registrant_name registrant_street registrant_postal registrant_phone admin_email tech_contact_name |
  registrar_code nameserver_1 expires_on:d dnssec:b whois_server status_code
iot_account: wifi_mac router_ip owner_fullname account_email push_token_owner user_geo_lat:f billing_zip5 | firmware_ver
  device_model signal_dbm:i last_reboot:t battery:i
payroll: emp_nm emp_ssn bank_acct_nbr routing_nbr emp_addr_line1 emp_zip spouse_nm | gross:n net:n fed_tax:n
  pay_period_end:d pay_freq hours:n dept_cd
chargebee_customers: billing_contact_email billing_first_nm company_contact_phone vat_reg_number card_last_name
  shipping_line1 shipping_line2 shipping_town tax_identifier | plan_quantity:i mrr:n auto_collection:b net_term_days:i
  invoice_prefix churned_at:t object_type
moodle_user: firstnamephonetic lastnamephonetic alternatename icq idnumber lastip phone1 phone2 institution_email | auth
  confirmed:b policyagreed:b mnethostid:i calendartype theme maildigest:i mailformat:i autosubscribe:b trackforums:b
prestashop_address: alias_lastname address1 address2 postcode phone_mobile dni other_name vat_number | id_country:i
  id_state:i active:b deleted:b date_add:t date_upd:t reference payment total_paid:n carrier_tax_rate:n
openemr_patient: fname mname lname DOB:d street postal_code ss phone_home phone_biz phone_contact phone_cell
  drivers_license guardiansname guardianphone mothersname contact_relationship_name emergency_phone_nr | pricelevel
  regdate:t financial monthly_income:n ref_source hipaa_mail:b hipaa_voice:b deceased_reason industry language
orangehrm_employee: emp_firstname emp_lastname emp_middle_name emp_nick_name emp_birthday:d emp_ssn_num emp_sin_num
  emp_dri_lice_num emp_street1 emp_zipcode emp_hm_telephone emp_mobile emp_work_email emp_oth_email | emp_smoker:b
  joined_date:d termination_id:i job_title_code:i emp_status:i work_station:i eeo_cat_code:i sal_grd_code custom1_label
suitecrm_leads: salutation_name first_name last_name phone_home phone_other phone_fax primary_address_street
  primary_address_postalcode alt_address_city assistant assistant_phone birthdate:d refered_by | lead_source
  status_description department do_not_call:b converted:b opportunity_amount:n campaign_id
zencart_customers: customers_firstname customers_lastname customers_email_address customers_nick customers_telephone
  customers_fax customers_dob:t entry_street_address entry_suburb entry_postcode entry_city customers_password |
  customers_newsletter:b customers_group_pricing:i customers_authorization:i products_model products_quantity:n
  orders_status_name manufacturers_name
gnuhealth_party: surname_paternal given citizenship_doc_number ssn_ref fed_country_id_card contact_tel alternative_phone
  du_address puid_code | activity_code unit_code lab_state crea_level:n sample_type test_method
redmine_users: login hashed_password firstname lastname mail_address twofa_totp_key | status:i mail_notification language
  admin:b type must_change_passwd:b sort_order twofa_scheme
dolibarr_socpeople: civility_lastname firstname address town zip birthday:d phone_perso phone_mobile fax email photo_owner
  jabberid | fk_pays:i priv:i statut:i import_key default_lang canvas poste_code
payment_gateway: cardholder_nm masked_pan card_bin_no payer_email payer_phone_number billing_addr_zip acs_ip_address
  payee_iban remitter_acct_no | acquirer_code mcc eci_flag amount_minor:i currency settlement_date:d response_code
  arn_type batch_number terminal_type
school_sis: stu_first stu_last stu_dob:d stu_home_phone par1_name par1_cell par2_email bus_driver_name nurse_contact
  locker_combo addr_house_no | grade_level homeroom gpa:n bus_route lunch_status absences:i entry_date:d test_score:n
  course_title term_code
utility_accounts: acct_holder service_addr mail_addr2 meter_reader_name contact_mobile co_applicant_name dl_state_num |
  meter_type rate_code kwh:n read_date:d budget_billing:b past_due:n outage_count:i tariff_name
clinic_de: patient_nachname versichertennr hausarzt_name tel_mobil notfall_telefon krankenkasse_nr geb_dat:d
  strasse_hausnr wohnort_plz | fallnummer_typ aufnahme:d station diagnose_code bettenzahl:i privatpatient:b abrechnungsart
hotel_fr: nom_client tel_client courriel_client num_piece_identite date_naiss:d rue_client cp_client ville_client
  plaque_immat | num_chambre prix_nuit:n date_arrivee:d nb_nuits:i etat_reservation type_chambre petit_dej:b
"""

KINDS = {"i": "integer", "d": "date", "t": "timestamp", "n": "decimal", "b": "boolean", "f": "float", "": "text"}


def tables() -> Iterator[tuple[list[Candidate], set[str]]]:
    """Each table's columns, and the names of the personal ones."""
    for text in SCHEMAS.replace("\n  ", " ").strip().splitlines():
        table, _, rest = text.partition(": ")
        personal, _, other = rest.partition("|")
        columns = [column.partition(":")[::2] for column in (personal + " " + other).split()]
        yield (
            [Candidate(table, name, ColumnShape(KINDS[kind], length=60)) for name, kind in columns],
            {column.partition(":")[0] for column in personal.split()},
        )
