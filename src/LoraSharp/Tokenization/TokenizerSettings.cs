using System.Text.Json.Nodes;

namespace LoraSharp.Tokenization;

/// <summary>
/// What a model's folder says beside the pipeline: named special tokens, chat templates, limits; and the fields of tokenizer_config.json as they
/// were.
/// </summary>
internal sealed class TokenizerSettings
{
    /// <summary>The special tokens that have names, in the order in which missing ones are added.</summary>
    public static readonly string[] TokenNames = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly Dictionary<string, string> _specialTokens = [];
    private readonly Dictionary<string, string> _chatTemplates = [];

    public IReadOnlyDictionary<string, string> SpecialTokens => _specialTokens;

    public IReadOnlyDictionary<string, string> ChatTemplates => _chatTemplates;

    public int? ModelMaxLength { get; init; }

    public SequenceSide? PaddingSide { get; init; }

    public SequenceSide? TruncationSide { get; init; }

    /// <summary>tokenizer_config.json as it was read; empty where there was none.</summary>
    public JsonObject Config { get; init; } = [];

    public string? Special(string name) => _specialTokens.GetValueOrDefault(name);

    public void SetSpecial(string name, string? token)
    {
        if (token is null)
        {
            _specialTokens.Remove(name);
        }
        else
        {
            _specialTokens[name] = token;
        }
    }

    /// <summary>Sets the template named "default"; null removes it.</summary>
    public void SetChatTemplate(string? source, string name = "default")
    {
        if (source is null)
        {
            _chatTemplates.Remove(name);
        }
        else
        {
            _chatTemplates[name] = source;
        }
    }
}
