"""How good a promptable network is: clicks and boxes from human masks, under the protocols of the field."""
