using System.Globalization;
using System.Text.Json.Nodes;

namespace LoraSharp.Models;

/// <summary>The labels of a classifier, from <c>id2label</c> or <c>num_labels</c> in config.json.</summary>
internal sealed class LabelSet
{
    private const int DefaultCount = 2;
    private const string IdToLabel = "id2label", LabelToId = "label2id", Count = "num_labels";

    private LabelSet(string[] names) => Names = names;

    public IReadOnlyList<string> Names { get; }

    /// <summary>The labels of a model.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="wanted">The number that the user asks for, for a new head; null: the configuration's, else two.</param>
    public static LabelSet Read(ModelConfig config, int? wanted)
    {
        ModelConfig? names = config.Section(IdToLabel);
        int count = wanted ?? names?.Json.Count ?? config.OptionalInteger(Count) ?? DefaultCount;
        if (count < 1)
        {
            throw config.Error($"a classifier with {count} labels is not possible");
        }

        return new LabelSet([.. Enumerable.Range(0, count).Select(i => i.ToString(CultureInfo.InvariantCulture)).Select(i => names?.Text(i, $"LABEL_{i}") ?? $"LABEL_{i}")]);
    }

    /// <summary>Writes the labels into a configuration that has others or none.</summary>
    public void WriteTo(JsonObject config)
    {
        if (config[IdToLabel] is JsonObject known ? known.Count == Names.Count : Names.Count == DefaultCount && !config.ContainsKey(Count))
        {
            return;
        }

        config.Remove(Count);
        config[IdToLabel] = new JsonObject(Names.Select((name, i) => KeyValuePair.Create(i.ToString(CultureInfo.InvariantCulture), (JsonNode?)name)));
        config[LabelToId] = new JsonObject(Names.Select((name, i) => KeyValuePair.Create(name, (JsonNode?)i)));
    }
}
