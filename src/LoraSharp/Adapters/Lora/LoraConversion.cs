using LoraSharp.Adapters.Files;
using LoraSharp.Files;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>Writes an adapter whose initialisation changed the base as a plain one for the unchanged base: A' = [A; A0], B' = [B, −B0].</summary>
internal static class LoraConversion
{
    private static readonly string[] KeysOfA = [".lora_A.weight", ".lora_embedding_A"];
    private static readonly string[] KeysOfB = [".lora_B.weight", ".lora_embedding_B"];

    public static void Write(nn.Module model, string adapter, string initialFolder, string folder)
    {
        if (AdapterSet.Require(model).Config(adapter) is not LoraConfig config)
        {
            throw new AdapterException($"The adapter '{adapter}' is no LoRA adapter; only those can be converted to a plain one.");
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using SafeTensorsFile initial = AdapterFiles.Open(initialFolder);
        KeyValuePair<string, Tensor>[] trained = [.. AdapterFiles.Tensors(model, adapter)];
        AdapterFiles.Verify(initial, [.. trained.Select(t => new Planning.PlannedTensor(t.Key, t.Value))], config, []);
        KeyValuePair<string, Tensor>[] converted = [.. trained.Select(t => KeyValuePair.Create(t.Key, Convert(t.Key, t.Value)))];
        double factor = config.UseRsLora ? Math.Sqrt(2) : 2;
        LoraConfig doubled = config with
        {
            R = 2 * config.R,
            Alpha = config.Alpha * factor,
            RankPattern = [.. config.RankPattern.Select(p => KeyValuePair.Create(p.Key, 2 * p.Value))],
            AlphaPattern = [.. config.AlphaPattern.Select(p => KeyValuePair.Create(p.Key, p.Value * factor))],
            Init = LoraInit.Default,
            BaseModelNameOrPath = config.BaseModelNameOrPath ?? (model as IPretrainedModel)?.SourceFolder,
        };
        AdapterFiles.Write(doubled, converted, folder);

        Tensor Convert(string key, Tensor value)
        {
            if (KeysOfA.Any(ending => key.EndsWith(ending, StringComparison.Ordinal)))
            {
                return cat([value, initial.View(key).to(value.dtype)], 0);
            }

            return KeysOfB.Any(ending => key.EndsWith(ending, StringComparison.Ordinal)) ? cat([value, initial.View(key).to(value.dtype).neg()], 1) : value;
        }
    }
}
