using System.Text.RegularExpressions;
using LoraSharp.Tests.Golden;

namespace LoraSharp.Tests.Models;

/// <summary>Cases that compare a checkpoint's tensors with those of a class: a new head is accepted and named, everything else is an error that names it.</summary>
internal static partial class LoadCase
{
    public static void Check(GoldenCase golden)
    {
        string[] missing = Names("missing_keys"), unexpected = Names("unexpected_keys");
        string[] mismatched = [.. golden.Expected.GetProperty("mismatched_keys").EnumerateArray().Select(k => k[0].GetString()!)];
        string className = golden.Parameters.GetProperty("class").GetString()!;
        PretrainedModel? model = null;
        Exception? error = Record.Exception(() => model = ModelTask.Of(className)(golden.ModelFolder(), null));
        using PretrainedModel? loaded = model;
        bool accepted = !golden.Expected.GetProperty("raises").GetBoolean()
            && (missing.Length == 0 ? unexpected.All(name => name.StartsWith("cls.seq_relationship", StringComparison.Ordinal)) : missing.All(IsHead) && unexpected.All(IsHead));
        if (accepted)
        {
            Assert.Null(error);
            Assert.Equal(missing.Order(StringComparer.Ordinal), loaded!.NewTensors.Order(StringComparer.Ordinal));
            return;
        }

        Assert.NotNull(error);
        foreach (string key in missing.Concat(unexpected).Concat(mismatched))
        {
            Assert.Contains(key, error.Message, StringComparison.Ordinal);
        }

        string[] Names(string key) => [.. golden.Expected.GetProperty(key).EnumerateArray().Select(k => k.GetString()!)];
    }

    private static bool IsHead(string name) => Head().IsMatch(name);

    [GeneratedRegex(@"^(\w+\.)?(pooler|classifier|score|lm_head|cls|head|pre_classifier|vocab_\w+|embed_out|decoder\.(weight|bias)$)")]
    private static partial Regex Head();
}
