using System.Text.Encodings.Web;
using System.Text.Json;

namespace LoraSharp.Samples.Pretrain;

/// <summary>Writes a trained vocabulary as Hugging Face's tokenizer.json, tokenizer_config.json and special_tokens_map.json.</summary>
internal static class TokenizerFiles
{
    public const string EndOfText = "<|endoftext|>";
    public const string TurnStart = "<|im_start|>";
    public const string TurnEnd = "<|im_end|>";

    private const string ChatTemplate =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    // Byte letters such as U+0120 stay readable.
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The special tokens in the order of their ids: padding, start of a turn, end of a turn and of a document.</summary>
    public static IReadOnlyList<string> SpecialTokens { get; } = [EndOfText, TurnStart, TurnEnd];

    public static void Write(string directory, BpeVocabulary vocabulary, int maxLength)
    {
        Directory.CreateDirectory(directory);
        WriteJson(Path.Combine(directory, "tokenizer.json"), new
        {
            version = "1.0",
            truncation = (object?)null,
            padding = (object?)null,
            added_tokens = vocabulary.SpecialTokens.Select((content, id) =>
                new { id, content, single_word = false, lstrip = false, rstrip = false, normalized = false, special = true }),
            normalizer = (object?)null,
            pre_tokenizer = new
            {
                type = "Sequence",
                pretokenizers = new object[]
                {
                    new { type = "Digits", individual_digits = true },
                    new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = true },
                },
            },
            post_processor = (object?)null,
            decoder = new { type = "ByteLevel", add_prefix_space = true, trim_offsets = true, use_regex = true },
            model = new
            {
                type = "BPE",
                dropout = (object?)null,
                unk_token = (object?)null,
                continuing_subword_prefix = (object?)null,
                end_of_word_suffix = (object?)null,
                fuse_unk = false,
                byte_fallback = false,
                ignore_merges = false,
                vocab = vocabulary.Tokens.Select((token, id) => (token, id)).ToDictionary(pair => pair.token, pair => pair.id),
                merges = vocabulary.Merges.Select(merge => new[] { merge.Left, merge.Right }),
            },
        });
        WriteJson(Path.Combine(directory, "tokenizer_config.json"), new
        {
            bos_token = TurnStart,
            eos_token = TurnEnd,
            pad_token = EndOfText,
            unk_token = EndOfText,
            clean_up_tokenization_spaces = false,
            model_max_length = maxLength,
            tokenizer_class = "PreTrainedTokenizerFast",
            chat_template = ChatTemplate,
        });
        WriteJson(Path.Combine(directory, "special_tokens_map.json"),
            new { bos_token = TurnStart, eos_token = TurnEnd, pad_token = EndOfText, unk_token = EndOfText });
    }

    private static void WriteJson(string path, object value) => File.WriteAllText(path, JsonSerializer.Serialize(value, Json) + "\n");
}
