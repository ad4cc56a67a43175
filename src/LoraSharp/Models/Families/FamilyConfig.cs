using LoraSharp.Layers;

namespace LoraSharp.Models.Families;

/// <summary>What the entries of the family table share: reading common keys, and changing parts of a description.</summary>
internal static class FamilyConfig
{
    private const int LargestHeadDim = 65_536;

    public static readonly SequenceHeadConfig LastTokenScore = new() { Pooling = TokenPooling.Last, Classifier = "score", ClassifierBias = false };

    public static readonly TokenHeadConfig TokenScore = new() { Classifier = "score" };

    /// <summary>The name of an activation function.</summary>
    public static string Activation(this ModelConfig config, string key, string defaultValue)
    {
        string name = config.Text(key, defaultValue);
        return Layers.Activation.Has(name)
            ? name
            : throw config.Error($"{key} '{name}' is not supported; supported: {string.Join(", ", Layers.Activation.Names)}");
    }

    /// <summary>Refuses a flag that changes the computation in a way that is not supported.</summary>
    public static void Refuse(this ModelConfig config, string key, bool supported = false)
    {
        if (config.Has(key) && config.Flag(key) != supported)
        {
            throw config.Error($"{key} {(supported ? "false" : "true")} is not supported for '{config.ModelType}'");
        }
    }

    /// <summary>The padding id; a key with the value null means none, an absent one the family's.</summary>
    public static int? PaddingId(this ModelConfig config, int? absent = null) =>
        config.Mentions("pad_token_id") ? config.OptionalInteger("pad_token_id") : absent;

    /// <summary>A positive size under the first of several keys.</summary>
    public static int Size(this ModelConfig config, params string[] keys)
    {
        string key = config.FirstOf(keys) ?? keys[0];
        int value = config.Integer(key);
        return value > 0 ? value : throw config.Error($"'{key}' is {value}; it must be positive");
    }

    /// <summary>A number of layers, heads or experts under the first of several keys; bounded, because each costs work before any tensor is looked at.</summary>
    public static int Count(this ModelConfig config, params string[] keys)
    {
        const int Largest = 4096;
        int value = config.Size(keys);
        return value <= Largest ? value : throw config.Error($"'{config.FirstOf(keys)}' is {value}; no model has more than {Largest}");
    }

    /// <summary>Features of a head: given, or the hidden size over the heads.</summary>
    public static int HeadDim(this ModelConfig config, int hidden, int heads)
    {
        if (config.OptionalInteger("head_dim") is { } given)
        {
            return given is > 0 and <= LargestHeadDim ? given : throw config.Error($"'head_dim' is {given}; it must be from 1 to {LargestHeadDim}");
        }

        return hidden % heads == 0 && hidden / heads <= LargestHeadDim ? hidden / heads : throw config.Error($"the hidden size {hidden} is not a multiple of the {heads} attention heads");
    }

    /// <summary>Key-value heads, which must divide the heads.</summary>
    public static int KvHeads(this ModelConfig config, string key, int heads)
    {
        int kvHeads = config.OptionalInteger(key) ?? heads;
        return kvHeads > 0 && heads % kvHeads == 0 ? kvHeads : throw config.Error($"'{key}' is {kvHeads}; it must divide the {heads} attention heads");
    }

    /// <summary>The kinds of all layers: <c>layer_types</c> if the file has it, else the family's rule.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="slides">Whether a layer has a window, by the family's rule.</param>
    /// <param name="window">The window of sliding layers.</param>
    /// <param name="rope">Rotary positions of a layer, by its number and type.</param>
    public static LayerKind[] Kinds(this ModelConfig config, int layers, Func<int, bool> slides, int? window, Func<int, string, RopeOptions?> rope)
    {
        string[] types = config.List<string>("layer_types") ?? [.. Enumerable.Range(0, layers).Select(i => slides(i) ? RopeReader.Sliding : RopeReader.Full)];
        if (types.Length != layers)
        {
            throw config.Error($"'layer_types' has {types.Length} entries for {layers} layers");
        }

        if (Array.Find(types, type => type is not (RopeReader.Full or RopeReader.Sliding)) is { } other)
        {
            throw config.Error($"the layer type '{other}' in 'layer_types' is not supported; supported: {RopeReader.Full}, {RopeReader.Sliding}");
        }

        if (window <= 0)
        {
            throw config.Error($"'sliding_window' is {window}; it must be positive or null");
        }

        // Layers of a type share their options, so that they count as one kind.
        var made = new Dictionary<(bool, string), RopeOptions?>();
        return [.. types.Select((type, i) => new LayerKind(type == RopeReader.Sliding ? window : null, Rope(i, type)))];

        RopeOptions? Rope(int layer, string type)
        {
            RopeOptions? options = rope(layer, type);
            return made.TryAdd((options is null, type), options) ? options : made[(options is null, type)];
        }
    }

    /// <summary>A feed-forward layer without a gate.</summary>
    public static FeedForwardConfig Plain(int intermediate, string activation, string up, string down, bool bias) =>
        new() { Intermediate = intermediate, Activation = activation, Gate = null, Up = up, Down = down, Bias = bias };

    /// <summary>Layers that do not differ.</summary>
    public static LayerKind[] Alike(int layers, RopeOptions? rope) => [.. Enumerable.Repeat(new LayerKind(null, rope), layers)];

    public static ModelSpec WithBody(this ModelSpec spec, Func<TransformerConfig, TransformerConfig> change) => spec with { Body = change(spec.Body) };

    public static ModelSpec WithAttention(this ModelSpec spec, Func<AttentionConfig, AttentionConfig> change) =>
        spec.WithBody(body => body with { Attention = change(body.Attention) });

    public static ModelSpec WithFeedForward(this ModelSpec spec, Func<FeedForwardConfig, FeedForwardConfig> change) =>
        spec.WithBody(body => body with { FeedForward = change(body.FeedForward) });

    public static ModelSpec WithLanguage(this ModelSpec spec, Func<LanguageHeadConfig, LanguageHeadConfig> change) => spec with { Language = change(spec.Language!) };
}
