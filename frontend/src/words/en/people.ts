// Everybody who may sign in.

export const people = {
  title: "People",
  notAdmin: "People are kept by administrators",
  notAdminText: "Ask one if somebody needs access.",
  add: "Add person",
  notRead: "People could not be read",
  person: "Person",
  role: "Role",
  maySignIn: "May sign in",
  actions: "Actions",
  you: "(you)",
  roleOf: (who: string) => `Role of ${who}`,
  maySignInOf: (who: string) => `${who} may sign in`,
  notChanged: (who: string) => `${who} was not changed`,
  noLink: "No link was made",
  newLink: "New sign-in link",
  newLinkFor: (who: string) => `New sign-in link for ${who}`,
  email: "Email",
  name: "Name (optional)",
  cancel: "Cancel",
  close: "Close",
  link: {
    title: "Sign-in link",
    text: (email: string) => `Hand this link to ${email}. It signs in once, and is shown only now; you can make another at any time.`,
    label: "Link",
  },
};
