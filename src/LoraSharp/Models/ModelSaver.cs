using System.Text.Json.Nodes;
using LoraSharp.Files;
using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>Writes a model's folder: configuration and weights, under the names and in the layout of the family's files.</summary>
internal static class ModelSaver
{
    private const string ShardPattern = "model-*-of-*.safetensors";

    public static void Save(PretrainedModel model, string folder, long maxShardBytes, ScalarType? dtype, bool quantized, CancellationToken cancellationToken)
    {
        QuantizationConfig? packing = !quantized ? null : model.Quantization
            ?? throw new InvalidOperationException("The model is not quantised, so it cannot be saved so. Load it with LoadOptions.Quantization, or save it without 'quantized'.");
        List<TensorSource> tensors = Tensors(model, dtype, packing, cancellationToken);
        JsonObject config = Config(model, dtype ?? model.Dtype, packing);
        string full = Path.GetFullPath(folder);
        string[] written = [];
        AtomicFolder.Write(full, Fill);
        RemoveStale(full, [.. written]);

        void Fill(string target)
        {
            CheckpointWriter.Write(target, tensors, maxShardBytes);
            ModelLoader.WriteGenerationConfig(target, model.Origin.GenerationConfig);
            AtomicFile.WriteText(Path.Combine(target, ModelConfig.FileName), ModelConfig.Write(config));
            written = [.. Directory.EnumerateFiles(target).Select(file => Path.GetFileName(file)!)];
        }
    }

    /// <summary>All tensors of a model under their names in its files, a shared one once.</summary>
    private static List<TensorSource> Tensors(PretrainedModel model, ScalarType? dtype, QuantizationConfig? packing, CancellationToken cancellationToken)
    {
        CheckpointLayout layout = model.Origin.Layout;
        var tensors = new List<TensorSource>();
        var seen = new HashSet<IntPtr>();
        foreach (var (path, module) in Walk(model, ""))
        {
            if (module is Linear { Weight: { Parameter: null } quantized })
            {
                string name = Join(path, "weight");
                tensors.AddRange(packing is null
                    ? [Dequantized(name, quantized, dtype ?? quantized.Dtype, layout.IsTransposed(name), cancellationToken)]
                    : PackedWriter.Tensors(name, quantized, packing.QuantStorage));
            }

            foreach (var (key, parameter) in module.named_parameters(recurse: false).Select(p => (p.name, (Tensor)p.parameter)).Concat(module.named_buffers(recurse: false)))
            {
                if (!seen.Add(parameter.Handle))
                {
                    continue;
                }

                string name = Join(path, key);
                bool transposed = layout.IsTransposed(name);
                ScalarType type = dtype ?? parameter.dtype;
                long[] shape = transposed ? [.. parameter.shape.Reverse()] : parameter.shape;
                tensors.Add(TensorSource.Lazy(name, type, shape, () =>
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    return Oriented(parameter.detach().to(type), transposed);
                }));
            }
        }

        return tensors;
    }

    private static TensorSource Dequantized(string name, LinearWeight weight, ScalarType type, bool transposed, CancellationToken cancellationToken)
    {
        long[] shape = transposed ? [weight.InFeatures, weight.OutFeatures] : [weight.OutFeatures, weight.InFeatures];
        return TensorSource.Lazy(name, type, shape, () =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            return Oriented(weight.Dequantize(type), transposed);
        });
    }

    private static Tensor Oriented(Tensor tensor, bool transposed) => transposed ? tensor.transpose(0, 1).contiguous() : tensor;

    private static IEnumerable<(string Path, nn.Module Module)> Walk(nn.Module module, string path)
    {
        if (module is not (PretrainedModel or ModuleGroup or Linear or Embedding or RmsNorm or LayerNorm or ClassificationHead))
        {
            throw new InvalidOperationException(
                $"'{path}' is a {module.GetType().Name}: adapters are in place. Merge them (MergeAndUnload) or take them out (Unload) before saving the model itself, or save the adapter alone.");
        }

        yield return (path, module);
        foreach (var (name, child) in module.named_children())
        {
            foreach (var below in Walk(child, Join(path, name)))
            {
                yield return below;
            }
        }
    }

    private static JsonObject Config(PretrainedModel model, ScalarType dtype, QuantizationConfig? packing)
    {
        var json = (JsonObject)model.Config.Json.DeepClone();
        json[json.ContainsKey("torch_dtype") && !json.ContainsKey("dtype") ? "torch_dtype" : "dtype"] = dtype switch
        {
            ScalarType.BFloat16 => "bfloat16",
            ScalarType.Float16 => "float16",
            ScalarType.Float64 => "float64",
            ScalarType.Float32 => "float32",
            _ => throw new ArgumentException($"A model's weights cannot be saved as {dtype}; choose Float32, Float64, BFloat16 or Float16."),
        };

        JsonObject? source = json[StoredQuantization.Key] as JsonObject;
        json.Remove(StoredQuantization.Key);
        if (packing is not null)
        {
            json[StoredQuantization.Key] = StoredQuantization.Write(packing, dtype, source);
        }

        json["architectures"] = new JsonArray(model.ReferenceClass);
        model.Amend(json);
        return json;
    }

    // What an earlier save into this folder left: shards of another number, a single file beside shards, an index beside a single file.
    private static void RemoveStale(string folder, HashSet<string> written)
    {
        string[] candidates = [Path.Combine(folder, Checkpoint.SingleFile), Path.Combine(folder, Checkpoint.IndexFile), .. Directory.EnumerateFiles(folder, ShardPattern)];
        foreach (string file in candidates.Where(file => !written.Contains(Path.GetFileName(file))))
        {
            File.Delete(file);
        }
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
