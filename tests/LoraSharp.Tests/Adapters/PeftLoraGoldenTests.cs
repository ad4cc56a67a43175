using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Lora;
using LoraSharp.Files;
using LoraSharp.Interop;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

public class PeftLoraGoldenTests
{
    [Theory, GoldenCases("peft-lora")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("peft-lora", name);
        golden.RequireKnownParameters("peft_type", "lora_config", "loss", "dtype");
        Assert.SkipUnless(golden.Root.GetProperty("model").GetString() == "llama-tiny" && IsPlain(golden.Parameters.GetProperty("lora_config")), "Not a plain LoRA case; not implemented yet.");
        using var scope = NewDisposeScope();
        using var tensors = new GoldenTensors(golden);
        using CausalLM model = CausalLM.Load(golden.ModelFolder(), new LoadOptions { Dtype = TestTypes.Of(golden.Parameters.GetProperty("dtype").GetString()!) });
        bool exact = golden.Parameters.GetProperty("dtype").GetString() == "float32";
        Tensor ids = tensors["input.input_ids"];
        Tensor? mask = tensors.Find("input.attention_mask");
        using (no_grad())
        {
            Compare("expected.base_logits", model.Logits(ids, mask));
        }

        model.LoadAdapter(Path.Combine(golden.Folder, "adapter"), trainable: true);
        CheckStructure(golden, model);

        Tensor logits = model.Logits(ids, mask);
        Compare("expected.logits", logits);
        Tensor loss = nn.functional.cross_entropy(
            logits.narrow(1, 0, logits.shape[1] - 1).reshape(-1, logits.shape[2]).to(ScalarType.Float32), tensors["input.labels"].narrow(1, 1, ids.shape[1] - 1).reshape(-1), ignore_index: -100);
        GoldenTensors.AssertClose("expected.loss", tensors["expected.loss"], loss, exact ? golden.Absolute : 0.05, golden.Relative);
        Backward.Run(loss);
        Dictionary<string, Parameter> trained = AdapterFiles.Tensors(model, "default").ToDictionary(p => p.Key, p => p.Value);
        Assert.Equal(
            golden.Expected.GetProperty("trainable_tensors").EnumerateArray().Select(k => k.GetString()).Order(StringComparer.Ordinal),
            trained.Where(p => p.Value.requires_grad).Select(p => p.Key).Order(StringComparer.Ordinal));
        foreach (string gradient in tensors.Names.Where(n => n.StartsWith("expected.grad.", StringComparison.Ordinal)))
        {
            Compare(gradient, trained[gradient["expected.grad.".Length..]].grad!);
        }

        using var noGrad = no_grad();
        if (tensors.Has("expected.disabled_logits"))
        {
            using (model.DisableAdapters())
            {
                Compare("expected.disabled_logits", model.Logits(ids, mask));
            }
        }

        CheckFiles(golden, model);
        CheckMerge(golden, tensors, model, () => model.Logits(ids, mask), Compare);

        // A half-precision base differs by its kernels' rounding: the whole is compared, not each element.
        void Compare(string what, Tensor actual)
        {
            if (exact)
            {
                tensors.AssertClose(what, actual);
                return;
            }

            Tensor expected = tensors[what].to(ScalarType.Float64);
            double error = ((actual.detach().to(ScalarType.Float64) - expected).norm() / expected.norm()).item<double>();
            Assert.True(error <= 0.05, $"{what}: relative difference {error:g3}, allowed 0.05");
        }
    }

    private static bool IsPlain(JsonElement config)
    {
        string[] advanced = ["use_dora", "lora_bias", "layers_to_transform", "layer_replication", "trainable_token_indices", "target_parameters", "fan_in_fan_out"];
        bool off = advanced.All(key => !config.TryGetProperty(key, out JsonElement value) || value.ValueKind is JsonValueKind.Null or JsonValueKind.False);
        return off && !config.GetProperty("target_modules").ToString().Contains("embed_tokens", StringComparison.Ordinal);
    }

    private static void CheckStructure(GoldenCase golden, CausalLM model)
    {
        JsonElement expected = golden.Expected;
        Dictionary<string, LoraLinear> layers = AdapterSet.Of(model).Layers.Where(l => l.Layer is AdaptedLinear)
            .ToDictionary(l => l.Path, l => (LoraLinear)((AdaptedLinear)l.Layer).Get("default"));
        Assert.Equal(expected.GetProperty("adapted_modules").EnumerateArray().Select(m => m.GetString()).Order(StringComparer.Ordinal), layers.Keys.Order(StringComparer.Ordinal));
        foreach (var (path, layer) in layers)
        {
            Assert.Equal(expected.GetProperty("r").GetProperty(path).GetInt32(), layer.R);
            Assert.Equal(expected.GetProperty("scaling").GetProperty(path).GetDouble(), layer.Scaling, 12);
        }

        ParameterCount count = model.TrainableParameters();
        Assert.Equal(expected.GetProperty("trainable_parameters").GetInt64(), count.Trainable);
        Assert.Equal(expected.GetProperty("all_parameters").GetInt64(), count.Total);
        Assert.Equal(expected.GetProperty("print_trainable_parameters").GetString(), count.ToString());
    }

    private static void CheckFiles(GoldenCase golden, CausalLM model)
    {
        string reference = Path.Combine(golden.Folder, "adapter");
        using var folder = new TemporaryFolder();
        model.SaveAdapter(folder.Path);
        using (SafeTensorsFile ours = SafeTensorsFile.Open(Path.Combine(folder.Path, AdapterFiles.WeightsFile)), theirs = SafeTensorsFile.Open(Path.Combine(reference, AdapterFiles.WeightsFile)))
        {
            // Names, types, shapes, order and bytes.
            Assert.Equal(theirs.Metadata, ours.Metadata);
            Assert.Equal(theirs.Tensors.Select(t => (t.Name, t.Dtype, string.Join(",", t.Shape), t.Begin)), ours.Tensors.Select(t => (t.Name, t.Dtype, string.Join(",", t.Shape), t.Begin)));
            foreach (TensorEntry tensor in theirs.Tensors)
            {
                Assert.True(theirs.Bytes(tensor.Name).SequenceEqual(ours.Bytes(tensor.Name)), tensor.Name);
            }
        }

        // The base model's name differs by where the base lies.
        JsonObject wanted = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(reference, AdapterFiles.ConfigFile)))!;
        JsonObject written = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(folder.Path, AdapterFiles.ConfigFile)))!;
        Assert.Equal(wanted.ToJsonString(), written.ToJsonString());
    }

    private static void CheckMerge(GoldenCase golden, GoldenTensors tensors, CausalLM model, Func<Tensor> forward, Action<string, Tensor> compare)
    {
        string kind = golden.Expected.GetProperty("merge").GetString()!;
        Assert.Contains(kind, (string[])["equal", "refused", "not compared"]);
        Tensor before = forward();
        Dictionary<string, Tensor> weights = model.state_dict().ToDictionary(p => p.Key, p => p.Value.clone());
        model.MergeAdapter();
        model.UnmergeAdapter();
        foreach (var (key, value) in model.state_dict())
        {
            Assert.True(weights[key].eq(value).all().item<bool>(), $"{key} is not restored bit for bit by unmerging");
        }

        Assert.True(forward().eq(before).all().item<bool>(), "unmerged logits");
        CausalLM merged = model.MergeAndUnload();
        compare("expected.merged_logits", forward());
        Dictionary<string, Parameter> parameters = merged.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        foreach (string name in tensors.Names.Where(n => n.StartsWith("expected.merged_weight.", StringComparison.Ordinal)))
        {
            compare(name, parameters[name["expected.merged_weight.".Length..]]);
        }
    }
}
