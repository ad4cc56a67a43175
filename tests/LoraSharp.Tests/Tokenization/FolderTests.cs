using System.Text.Json.Nodes;
using LoraSharp.Tokenization;

namespace LoraSharp.Tests.Tokenization;

public class FolderTests
{
    [Fact]
    public void The_config_names_special_tokens_and_limits()
    {
        using TestFolder folder = Folder("""
            {"bos_token":"<s>","eos_token":{"__type":"AddedToken","content":"</s>","rstrip":true,"normalized":false},"pad_token":null,
            "model_max_length":512,"padding_side":"left","tokenizer_class":"PreTrainedTokenizerFast"}
            """);
        Tokenizer tokenizer = Tokenizer.Load(folder.Root);
        Assert.Equal(("<s>", 264), (tokenizer.BosToken, tokenizer.BosId));
        Assert.Equal(("</s>", 265), (tokenizer.EosToken, tokenizer.EosId));
        Assert.True(tokenizer.AddedTokens[265].RStrip);
        Assert.Null(tokenizer.PadToken);
        Assert.Null(tokenizer.PadId);
        Assert.Equal(512, tokenizer.ModelMaxLength);
        Assert.Equal(SequenceSide.Left, tokenizer.PaddingSide);
        Assert.Equal((264, 266), (tokenizer.VocabSize, tokenizer.VocabSizeWithAddedTokens));
        Assert.Equal([264, 265, 'a'], tokenizer.EncodeToIds("</s>  a"));
    }

    [Fact]
    public void Old_folders_name_tokens_in_files_of_their_own()
    {
        using TestFolder folder = Folder("""{"model_max_length":1000000000000000019884624838656}""");
        folder.Write(
            "special_tokens_map.json", """{"unk_token":"<s>","mask_token":{"content":"<mask>","lstrip":true},"additional_special_tokens":["<x>"]}""");
        folder.Write("added_tokens.json", """{"<b>":266,"<x>":265}""");
        Tokenizer tokenizer = Tokenizer.Load(folder.Root);
        Assert.Equal("<s>", tokenizer.UnkToken);
        Assert.Null(tokenizer.ModelMaxLength);
        Assert.Equal([265, 266, 267], new[] { "<x>", "<b>", "<mask>" }.Select(token => tokenizer.TokenToId(token)!.Value));
        Assert.True(tokenizer.AddedTokens[265].Special);
        Assert.False(tokenizer.AddedTokens[266].Special);
        Assert.True(tokenizer.AddedTokens[267].LStrip);
    }

    [Fact]
    public void Chat_templates_come_in_three_forms()
    {
        using TestFolder one = Folder("""{"chat_template":"{{ messages }}"}""");
        Assert.Equal("{{ messages }}", Tokenizer.Load(one.Root).ChatTemplateSource);
        one.Write("chat_template.jinja", "{{ from_file }}\n");
        Assert.Equal("{{ from_file }}\n", Tokenizer.Load(one.Root).ChatTemplateSource);

        using TestFolder many = Folder("""{"chat_template":[{"name":"default","template":"a"},{"name":"tool_use","template":"b"}]}""");
        Tokenizer tokenizer = Tokenizer.Load(many.Root);
        Assert.Equal("a", tokenizer.ChatTemplateSource);
        Assert.Equal("b", tokenizer.ChatTemplates["tool_use"]);
        tokenizer.Save(Path.Combine(many.Root, "out"));
        Tokenizer again = Tokenizer.Load(Path.Combine(many.Root, "out"));
        Assert.Equal([.. tokenizer.ChatTemplates.OrderBy(pair => pair.Key)], again.ChatTemplates.OrderBy(pair => pair.Key));
        Assert.Null(Tokenizer.Load(Folder("{}").Root).ChatTemplateSource);
    }

    [Theory]
    [InlineData("""{"padding_side":"up"}""", "side 'up'")]
    [InlineData("""{"bos_token":7}""", "object is expected")]
    [InlineData("""{"bos_token":""}""", "empty")]
    [InlineData("""{"added_tokens_decoder":{"x":{"content":"a"}}}""", "not an id")]
    [InlineData("[]", "object is expected")]
    [InlineData("{", "not valid JSON")]
    public void A_wrong_config_is_refused(string config, string message)
    {
        using TestFolder folder = Folder(config);
        Assert.Contains(message, Assert.Throws<TokenizerFormatException>(() => Tokenizer.Load(folder.Root)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tiktoken_ranks_make_the_same_ids_as_their_definition()
    {
        using var folder = new TestFolder();
        var lines = new List<string>(Enumerable.Range(0, 256).Select(b => $"{Convert.ToBase64String([(byte)b])} {b}"));
        foreach (string token in new[] { "th", "he", " t", "the", " the", "\u00E9" })
        {
            lines.Add($"{Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(token))} {lines.Count}");
        }

        folder.Write("tokenizer.model", string.Join('\n', lines) + "\n");
        folder.Write(
            "tokenizer_config.json",
            """{"added_tokens_decoder":{"262":{"content":"<|end|>","special":true,"normalized":false}},"eos_token":"<|end|>"}""");
        Tokenizer tokenizer = Tokenizer.Load(folder.Root);
        Assert.Equal([260, 260, 'a', 261, 262], tokenizer.EncodeToIds(" the thea\u00E9<|end|>"));
        Assert.Equal(262, tokenizer.EosId);
        Assert.Equal(" the thea\u00E9", tokenizer.Decode(tokenizer.EncodeToIds(" the thea\u00E9<|end|>"), skipSpecialTokens: true));
    }

    [Fact]
    public void Vocabulary_and_merges_files_make_a_byte_level_tokenizer()
    {
        using var folder = new TestFolder();
        JsonNode model = SmallTokenizers.ByteLevel()["model"]!;
        folder.Write("vocab.json", model["vocab"]!.ToJsonString());
        folder.Write(
            "merges.txt", "#version: 0.2\n" + string.Join('\n', model["merges"]!.AsArray().Select(merge => $"{merge![0]} {merge[1]}")) + "\n");
        folder.Write("tokenizer_config.json", """{"tokenizer_class":"GPT2Tokenizer"}""");
        Tokenizer tokenizer = Tokenizer.Load(folder.Root);
        Assert.Equal(
            SmallTokenizers.Load(SmallTokenizers.ByteLevel()).EncodeToIds("Hello the abab", addSpecialTokens: false),
            tokenizer.EncodeToIds("Hello the abab"));
        Assert.Equal("<|endoftext|>", tokenizer.EosToken);
    }

    [Fact]
    public void A_word_list_makes_a_Bert_tokenizer()
    {
        using var folder = new TestFolder();
        folder.Write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhe\n##llo\nworld\n!\n");
        folder.Write("tokenizer_config.json", """{"tokenizer_class":"BertTokenizer","do_lower_case":true}""");
        Tokenizer tokenizer = Tokenizer.Load(folder.Root);
        TokenEncoding encoding = tokenizer.Encode("H\u00E9llo world!", "nope");
        Assert.Equal([2, 5, 6, 7, 8, 3, 1, 3], encoding.Ids);
        Assert.Equal([0, 0, 0, 0, 0, 0, 1, 1], encoding.TypeIds);
        Assert.Equal([null, 0, 0, 0, 0, null, 1, null], encoding.SequenceIds);
        Assert.Equal([null, 0, 0, 1, 2, null, 0, null], encoding.WordIds);
        Assert.Equal(("[PAD]", 0, "[MASK]"), (tokenizer.PadToken, tokenizer.PadId, tokenizer.MaskToken));
    }

    [Theory]
    [InlineData("T5Tokenizer", "a b", new[] { 4, 5, 2 })]
    [InlineData("DebertaV2Tokenizer", " a  b", new[] { 1, 4, 5, 2 })]
    [InlineData("XLMRobertaTokenizer", "a <mask>", new[] { 0, 5, 7, 2 })]
    public void Classes_put_their_pipelines_around_a_bare_model(string tokenizerClass, string text, int[] expected)
    {
        bool deberta = tokenizerClass == "DebertaV2Tokenizer";
        bool xlm = tokenizerClass == "XLMRobertaTokenizer";
        using var folder = new TestFolder();
        (string, float, int)[] first = deberta ? [("[UNK]", 0, 2), ("[CLS]", 0, 3), ("[SEP]", 0, 3), ("[PAD]", 0, 3)]
            : xlm ? [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("c", -5, 1)]
            : [("<unk>", 0, 2), ("<pad>", 0, 3), ("</s>", 0, 3), ("c", -5, 1)];
        folder.Write("spiece.model", SmallTokenizers.SentencePiece([.. first, ("\u2581a", -1, 1), ("\u2581b", -1, 1)], bpe: false));
        folder.Write("tokenizer_config.json", $$"""{"tokenizer_class":"{{tokenizerClass}}"}""");
        Assert.Equal(expected, Tokenizer.Load(folder.Root).EncodeToIds(text));
    }

    [Fact]
    public void A_bare_model_of_no_class_names_its_own_tokens_and_adds_no_prefix()
    {
        using var folder = new TestFolder();
        folder.Write(
            "tokenizer.model",
            SmallTokenizers.SentencePiece(
                [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("a", -1, 1), ("\u2581", -2, 1), ("\u2581a", -0.5f, 1)], bpe: true));
        folder.Write("tokenizer_config.json", """{"add_bos_token":true}""");
        Tokenizer tokenizer = Tokenizer.Load(folder.Root);
        Assert.Equal(("<s>", "</s>", "<unk>"), (tokenizer.BosToken, tokenizer.EosToken, tokenizer.UnkToken));
        Assert.Equal([1, 3, 5], tokenizer.EncodeToIds("a a"));
        Assert.Equal([5, 5], Tokenizer.FromFile(Path.Combine(folder.Root, "tokenizer.model")).EncodeToIds("a a"));
    }

    private static TestFolder Folder(string config)
    {
        var folder = new TestFolder();
        folder.Write("tokenizer.json", SmallTokenizers.ByteLevel().ToJsonString());
        folder.Write("tokenizer_config.json", config);
        return folder;
    }
}
