-- Collections of one name are told apart by their twin (0036), so a hidden one takes no name.

DROP INDEX kontor.collection_name_taken;
