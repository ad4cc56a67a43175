using LoraSharp.Tokenization;

namespace LoraSharp;

/// <summary>
/// Turns text into the ids that a model reads, and back, exactly as Hugging Face's tokenizers do. <see cref="Load"/> takes a model's folder,
/// <see cref="FromFile"/> a single file (tokenizer.json, a SentencePiece tokenizer.model, or tiktoken ranks).
/// Encoding and decoding may run on several threads at once; adding tokens may not run beside them.
/// </summary>
public sealed partial class Tokenizer
{
    private readonly TokenizerPipeline _pipeline;
    private readonly TokenizerSettings _settings;

    internal Tokenizer(TokenizerPipeline pipeline, TokenizerSettings settings)
    {
        _pipeline = pipeline;
        _settings = settings;
    }

    /// <summary>The number of tokens of the model, without those that were only added.</summary>
    public int VocabSize => _pipeline.Model.VocabSize;

    /// <summary>The number of tokens with the added ones. Ids may be larger where the vocabulary has gaps.</summary>
    public int VocabSizeWithAddedTokens => _pipeline.Model.VocabSize + _pipeline.Added.CountBeyondModel();

    /// <summary>The token at the beginning of a text, or null.</summary>
    public string? BosToken => _settings.Special("bos_token");

    /// <summary>The token at the end of a text, or null.</summary>
    public string? EosToken => _settings.Special("eos_token");

    /// <summary>The token that fills batches, or null.</summary>
    public string? PadToken => _settings.Special("pad_token");

    /// <summary>The token for what the vocabulary does not know, or null.</summary>
    public string? UnkToken => _settings.Special("unk_token");

    /// <summary>The token in front of a text to classify, or null.</summary>
    public string? ClsToken => _settings.Special("cls_token");

    /// <summary>The token between texts, or null.</summary>
    public string? SepToken => _settings.Special("sep_token");

    /// <summary>The token for what is to be filled in, or null.</summary>
    public string? MaskToken => _settings.Special("mask_token");

    /// <summary>The id of <see cref="BosToken"/>, or null.</summary>
    public int? BosId => IdOf(BosToken);

    /// <summary>The id of <see cref="EosToken"/>, or null.</summary>
    public int? EosId => IdOf(EosToken);

    /// <summary>The id of <see cref="PadToken"/>, or null.</summary>
    public int? PadId => IdOf(PadToken);

    /// <summary>The id of <see cref="UnkToken"/>, or null.</summary>
    public int? UnkId => IdOf(UnkToken);

    /// <summary>The id of <see cref="ClsToken"/>, or null.</summary>
    public int? ClsId => IdOf(ClsToken);

    /// <summary>The id of <see cref="SepToken"/>, or null.</summary>
    public int? SepId => IdOf(SepToken);

    /// <summary>The id of <see cref="MaskToken"/>, or null.</summary>
    public int? MaskId => IdOf(MaskToken);

    /// <summary>All named special tokens by their names in tokenizer_config.json (bos_token, eos_token, ...).</summary>
    public IReadOnlyDictionary<string, string> SpecialTokens => _settings.SpecialTokens;

    /// <summary>The chat template (Jinja source) under the name "default", or the only one; null if the folder has none.</summary>
    public string? ChatTemplateSource
    {
        get => _settings.ChatTemplates.GetValueOrDefault("default");
        set => _settings.SetChatTemplate(value);
    }

    /// <summary>All chat templates by their names; the usual one is named "default".</summary>
    public IReadOnlyDictionary<string, string> ChatTemplates => _settings.ChatTemplates;

    /// <summary>The most tokens that the model takes (model_max_length), or null where the folder does not say.</summary>
    public int? ModelMaxLength => _settings.ModelMaxLength;

    /// <summary>The side that the model wants padding on (padding_side), or null where the folder does not say.</summary>
    public SequenceSide? PaddingSide => _settings.PaddingSide;

    /// <summary>The side where too long texts are to be cut (truncation_side), or null where the folder does not say.</summary>
    public SequenceSide? TruncationSide => _settings.TruncationSide;

    /// <summary>
    /// The cutting that tokenizer.json asks for, or null. It is not applied by itself: hand it to <see cref="EncodeOptions.Truncation"/>.
    /// </summary>
    public TruncationOptions? FileTruncation => _pipeline.Truncation;

    /// <summary>
    /// The padding that tokenizer.json asks for, or null. It is not applied by itself: hand it to <see cref="EncodeOptions.Padding"/>.
    /// </summary>
    public PaddingOptions? FilePadding => _pipeline.Padding;

    /// <summary>The added tokens by their ids.</summary>
    public IReadOnlyDictionary<int, AddedToken> AddedTokens => _pipeline.Added.Tokens;

    /// <summary>The id of a token, or null if the vocabulary does not have it.</summary>
    public int? TokenToId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _pipeline.Added.IdOf(token) is >= 0 and int id ? id : null;
    }

    /// <summary>The token of an id, or null if there is none.</summary>
    public string? IdToToken(int id) => _pipeline.TextOf(id);

    /// <summary>How many special tokens encoding adds to a text, or to a pair of texts.</summary>
    public int CountAddedSpecialTokens(bool pair = false) => _pipeline.PostProcessor?.AddedTokens(pair) ?? 0;

    /// <summary>Adds tokens that are ordinary text for decoding. A token that the vocabulary has keeps its id.</summary>
    /// <returns>How many were new, or changed their flags.</returns>
    public int AddTokens(params IReadOnlyList<AddedToken> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        return _pipeline.Added.Add(tokens);
    }

    /// <summary>
    /// Adds special tokens, found in the raw text and dropped by decoding with <c>skipSpecialTokens</c>. A token that the vocabulary has keeps its
    /// id.
    /// </summary>
    /// <returns>How many were new, or changed their flags.</returns>
    public int AddSpecialTokens(params IReadOnlyList<string> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        return _pipeline.Added.Add(tokens.Select(token => new AddedToken(token) { Special = true }));
    }

    /// <summary>Names a special token (bos_token, eos_token, pad_token, ...), and adds it where the vocabulary does not have it.</summary>
    /// <param name="name">A name of tokenizer_config.json, such as <c>pad_token</c>.</param>
    /// <param name="token">The token; null takes the name away.</param>
    public void SetSpecialToken(string name, string? token)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (token is not null)
        {
            ArgumentException.ThrowIfNullOrEmpty(token);
            if (!_pipeline.Added.IsSpecial(token))
            {
                AddSpecialTokens(token);
            }
        }

        _settings.SetSpecial(name, token);
    }

    private int? IdOf(string? token) => token is null ? null : TokenToId(token);
}
