use super::*;
use crate::AclType;
use crate::rules::{Identity, Login};

fn read(text: &str) -> (DynamicSecurity, Vec<String>) {
    let (security, remarks) = DynamicSecurity::read(text.as_bytes()).unwrap();
    (security, remarks.iter().map(ToString::to_string).collect())
}

#[test]
fn what_is_no_json_is_an_error_and_what_is_no_object_is_empty() {
    assert_eq!(DynamicSecurity::read(b"{"), Err(FileError::NotJson { position: 1 }));
    assert_eq!(FileError::NotJson { position: 1 }.to_string(), "File is not valid JSON.");
    for text in ["", " \n", "[]", "5", "{}", "{} and more"] {
        assert_eq!(read(text), (DynamicSecurity::default(), Vec::new()), "{text}");
    }
    let deep = [b'['; 2_000];
    assert!(DynamicSecurity::read(&deep).is_err());
}

#[test]
fn a_password_of_mosquitto_2_0_becomes_one_of_2_1() {
    let text = r#"{"clients":[{"username":"a","password":"aGFzaA==","salt":"c2FsdA==","iterations":101}]}"#;
    let (security, remarks) = read(text);
    assert_eq!(remarks, [""; 0]);
    assert_eq!(security.client("a").unwrap().password.as_deref(), Some("$7$101$c2FsdA==$aGFzaA=="));
}

#[test]
fn a_client_without_a_whole_password_cannot_log_in() {
    for password in [
        r#""password":"aGFzaA==","salt":"c2FsdA==""#,
        r#""password":"aGFzaA==","iterations":101"#,
        r#""password":"aGFzaA==","salt":"c2FsdA==","iterations":0"#,
        r#""password":"a$a","salt":"c2FsdA==","iterations":1"#,
        r#""password":"","salt":"c2FsdA==","iterations":1"#,
        r#""encoded_password":"plain""#,
        r#""encoded_password":5"#,
    ] {
        let (security, remarks) = read(&format!(r#"{{"clients":[{{"username":"a",{password}}}]}}"#));
        assert_eq!(remarks.len(), 1, "{password}");
        let who = Identity { user_name: Some("a"), client_id: "c" };
        assert_eq!(security.rules().login(who), Login::Refuse, "{password}");
    }
}

#[test]
fn what_is_not_understood_is_left_out_and_reported() {
    let (security, remarks) = read(
        r#"{
            "color": "red",
            "defaultACLAccess": { "subscribe": true, "unsubscribe": 1 },
            "anonymousGroup": "none",
            "roles": [
                5,
                { "rolename": "" },
                { "rolename": "r", "allowwildcardsubs": 0, "acls": [
                    { "acltype": "nope", "topic": "a" },
                    { "acltype": "subscribeLiteral", "topic": "a", "allow": true },
                    { "acltype": "subscribeLiteral", "topic": "a" }
                ]},
                { "rolename": "r" }
            ],
            "clients": [
                { "username": "u", "textName": "U", "clientid": "", "disabled": true, "groups": [],
                  "roles": [{ "rolename": "r", "priority": 2.5 }, { "rolename": "s" }, { "rolename": "r" }] }
            ],
            "groups": [{ "groupname": "g", "clients": [
                { "username": "u", "priority": 7 }, { "username": "u" }, { "username": "v" }, {}
            ]}]
        }"#,
    );
    assert_eq!(
        remarks,
        [
            "color is not known and is left out",
            "defaultACLAccess.unsubscribe is invalid and is left out",
            "roles[0].rolename is invalid and is left out",
            "roles[1].rolename is invalid and is left out",
            "roles[2].allowwildcardsubs is invalid and is left out",
            "roles[2].acls[0] is invalid and is left out",
            "roles[2].acls[2] was there before and is left out",
            "roles[3] was there before and is left out",
            "clients[0].groups is not known and is left out",
            "clients[0].roles[1] names something that does not exist and is left out",
            "clients[0].roles[2] was there before and is left out",
            "groups[0].clients[1] was there before and is left out",
            "groups[0].clients[2] names something that does not exist and is left out",
            "groups[0].clients[3].username is invalid and is left out",
            "anonymousGroup names something that does not exist and is left out",
        ]
    );
    let client = security.client("u").unwrap();
    assert_eq!((client.text_name.as_deref(), client.client_id.as_deref()), (Some("U"), None));
    assert!(client.disabled);
    assert_eq!(client.roles.iter().map(|role| role.priority).collect::<Vec<_>>(), [2]);
    assert_eq!(client.groups.iter().map(|group| group.priority).collect::<Vec<_>>(), [7]);
    assert!(security.group("g").unwrap().clients.contains("u"));
    let acls = security.role("r").unwrap().acls();
    assert_eq!(acls.len(), 1);
    assert!(acls[0].kind == AclType::SubscribeLiteral && acls[0].allow);
    let access = security.default_access();
    assert!(access.subscribe && !access.unsubscribe && !access.publish_client_receive);
}

#[test]
fn remarks_are_bounded() {
    let clients = vec!["5"; 1_000].join(",");
    let (_, remarks) = read(&format!(r#"{{"clients":[{clients}]}}"#));
    assert_eq!(remarks.len(), 100);
}
