using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Adapters;
using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp;

public sealed partial class CausalLM
{
    private const string GenerationConfigFile = "generation_config.json";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    /// <summary>
    /// Saves the model as a Hugging Face folder: config.json, generation_config.json if the source had one, and safetensors, sharded over
    /// <paramref name="maxShardSize"/>. Quantised weights are written dense, in <see cref="Dtype"/>. A tied head is not written twice.
    /// </summary>
    /// <param name="folder">The folder; it is the old one, or absent, until the new one is complete.</param>
    /// <param name="maxShardSize">Largest file, for example <c>4GB</c> or <c>500MB</c>.</param>
    /// <exception cref="AdapterException">The model has adapters: merge or unload them first, or save the adapter.</exception>
    public void Save(string folder, string maxShardSize = "4GB")
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        long shard = ByteSize.Parse(maxShardSize);
        if (this.AdapterNames().Count > 0)
        {
            throw new AdapterException("The model has adapters. Call MergeAndUnload (or Unload) before Save, or save the adapter alone with SaveAdapter.");
        }

        AtomicFolder.Write(folder, temporary =>
        {
            var json = (JsonObject)Config.Json.DeepClone();
            json.Remove("quantization_config");
            json.Remove("torch_dtype");
            json["dtype"] = Dtype.ToString().ToLowerInvariant();
            AtomicFile.WriteText(Path.Combine(temporary, ModelConfig.FileName), json.ToJsonString(Indented) + "\n");
            string? generation = SourceFolder is null ? null : Path.Combine(SourceFolder, GenerationConfigFile);
            if (File.Exists(generation))
            {
                File.Copy(generation, Path.Combine(temporary, GenerationConfigFile));
            }

            CheckpointWriter.Write(temporary, [.. Tensors()], shard);
        });
    }

    private IEnumerable<TensorSource> Tensors()
    {
        var written = new HashSet<IntPtr>();
        foreach (var (name, module) in named_modules())
        {
            foreach (var (key, parameter) in module.named_parameters(recurse: false))
            {
                if (written.Add(parameter.Handle))
                {
                    yield return TensorSource.Of($"{name}.{key}", parameter);
                }
            }

            if (module is Linear { Weight: { Parameter: null } weight })
            {
                yield return TensorSource.Lazy($"{name}.weight", Dtype, [weight.OutFeatures, weight.InFeatures], () => weight.Dequantize(Dtype));
            }
        }
    }
}
