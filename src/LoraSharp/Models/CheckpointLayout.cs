namespace LoraSharp.Models;

/// <summary>How a family's tensors lie in its files, in both directions: reading and writing follow the same table. Names are otherwise those of the modules.</summary>
internal sealed record CheckpointLayout
{
    /// <summary>Heads of all tasks: what is left over of them in a file is no error when this task's head is new.</summary>
    private static readonly string[] HeadNames =
    [
        "lm_head", "embed_out", "score", "classifier", "cls", "pooler", "pre_classifier", "qa_outputs", "head", "decoder.weight", "decoder.bias", "v_head",
        "vocab_transform", "vocab_layer_norm", "vocab_projector", "generator_predictions", "generator_lm_head", "discriminator_predictions",
        "lm_predictions", "mask_predictions", "final_logits_bias", "classification_head",
    ];

    // Buffers that old versions saved and that every model computes itself.
    private static readonly string[] AlwaysIgnored = ["rotary_emb.inv_freq", "embeddings.position_ids", "embeddings.token_type_ids"];

    // The head of BERT's second pretraining task, in published files.
    private const string SentenceOrder = "cls.seq_relationship.";

    // The layer on the first token of BERT's line, which only some tasks use.
    private const string Pooler = "pooler.";

    /// <summary>Name of the base model below a model with a head (<c>model</c>, <c>bert</c>); empty: the base model has no level of its own.</summary>
    public required string BasePrefix { get; init; }

    /// <summary>Endings of the names of matrices that files hold as (in, out).</summary>
    public IReadOnlyList<string> Transposed { get; init; } = [];

    /// <summary>Endings of the names of tensors that files may hold and no model needs.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    /// <summary>Other names of a tensor: files may hold it under these as well, or instead.</summary>
    public IReadOnlyDictionary<string, string[]> Aliases { get; init; } = new Dictionary<string, string[]>();

    /// <summary>Whether a matrix lies transposed in files.</summary>
    public bool IsTransposed(string name) => Transposed.Any(ending => name.EndsWith(ending, StringComparison.Ordinal));

    /// <summary>Whether a tensor of a file can be left alone without a word.</summary>
    public bool IsIgnored(string name) =>
        name.StartsWith(SentenceOrder, StringComparison.Ordinal)
        || WithoutPrefix(name).StartsWith(Pooler, StringComparison.Ordinal)
        || AlwaysIgnored.Concat(Ignored).Any(ending => name.EndsWith(ending, StringComparison.Ordinal));

    /// <summary>Whether a tensor of a file belongs to some task's head.</summary>
    public bool IsHead(string name)
    {
        string bare = WithoutPrefix(name);
        return HeadNames.Any(head => bare.StartsWith(head + ".", StringComparison.Ordinal) || bare == head);
    }

    /// <summary>The names under which a file may hold a tensor, the usual one first: with and without the base model's name, and with old names of norms.</summary>
    public IEnumerable<string> Candidates(string name)
    {
        IEnumerable<string> names = Aliases.TryGetValue(name, out string[]? others) ? [name, .. others] : [name];
        return names.SelectMany(Prefixed).SelectMany(OldNorms);
    }

    private IEnumerable<string> Prefixed(string name)
    {
        yield return name;
        if (BasePrefix.Length > 0)
        {
            string bare = WithoutPrefix(name);
            yield return bare.Length < name.Length ? bare : $"{BasePrefix}.{name}";
        }
    }

    private static IEnumerable<string> OldNorms(string name)
    {
        yield return name;
        if (name.EndsWith("LayerNorm.weight", StringComparison.Ordinal))
        {
            yield return name[..^"weight".Length] + "gamma";
        }
        else if (name.EndsWith("LayerNorm.bias", StringComparison.Ordinal))
        {
            yield return name[..^"bias".Length] + "beta";
        }
    }

    private string WithoutPrefix(string name) =>
        BasePrefix.Length > 0 && name.StartsWith(BasePrefix + ".", StringComparison.Ordinal) ? name[(BasePrefix.Length + 1)..] : name;
}
