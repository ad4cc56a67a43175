using System.Text.Json.Nodes;
using LoraSharp.Adapters.Files;

namespace LoraSharp.Adapters.Lycoris;

/// <summary>What the methods that come from LyCORIS share in their configurations.</summary>
internal static class LycorisKeys
{
    public static void Validate(
        AdapterConfig config, int r, double alpha, IReadOnlyList<KeyValuePair<string, int>> ranks, IReadOnlyList<KeyValuePair<string, double>> alphas, double rankDropout, double moduleDropout)
    {
        config.RequireRank(r);
        foreach (var (key, rank) in ranks)
        {
            config.RequireRank(rank, $"r of the rank pattern '{key}'");
        }

        config.RequireFinite(alpha, "alpha");
        foreach (var (key, value) in alphas)
        {
            config.RequireFinite(value, $"alpha of the alpha pattern '{key}'");
        }

        config.RequireProbability(rankDropout, "rankDropout");
        config.RequireProbability(moduleDropout, "moduleDropout");
    }

    public static void Write(
        AdapterConfig config, ConfigWriter json, int r, double alpha, IReadOnlyList<KeyValuePair<string, int>> ranks, IReadOnlyList<KeyValuePair<string, double>> alphas,
        double rankDropout, double moduleDropout, bool effectiveConvolution, bool initialize)
    {
        json.Common(config);
        json.Targets(config);
        config.WriteLayers(json);
        json.Set("r", r);
        json.Set("alpha", ConfigWriter.Number(alpha));
        json.Set("rank_pattern", ConfigWriter.Table(ranks, value => JsonValue.Create(value)));
        json.Set("alpha_pattern", ConfigWriter.Table(alphas, ConfigWriter.Number));
        json.Set("rank_dropout", ConfigWriter.Float(rankDropout));
        json.Set("module_dropout", ConfigWriter.Float(moduleDropout));
        json.Set("use_effective_conv2d", effectiveConvolution);
        json.Set("init_weights", initialize);
    }
}
