using System.Text.Json;
using LoraSharp.Layers;
using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

public class ModelGoldenTests
{
    private static readonly string[] KnownParameters =
        ["class", "task", "attn_implementation", "dtype", "gradients", "cache", "max_new_tokens", "num_items_in_batch", "output_router_logits"];

    [Theory, GoldenCases("model")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("model", name);
        golden.RequireKnownParameters(KnownParameters);
        string task = golden.Parameters.GetProperty("task").GetString()!;
        string modelType = ModelConfig.Load(golden.ModelFolder()).ModelType;
        Assert.SkipUnless(modelType == "llama" && task is "causal-lm" or "load", $"{modelType} for {task} is not implemented yet.");
        if (task == "load")
        {
            CheckLoad(golden);
        }
        else
        {
            CheckCausal(golden);
        }
    }

    private static void CheckLoad(GoldenCase golden)
    {
        string[] missing = Names("missing_keys"), unexpected = Names("unexpected_keys");
        string[] mismatched = [.. golden.Expected.GetProperty("mismatched_keys").EnumerateArray().Select(k => k[0].GetString()!)];
        Exception? error = Record.Exception(() =>
        {
            using CausalLM model = CausalLM.Load(golden.ModelFolder());
        });
        bool complete = missing.Length + unexpected.Length + mismatched.Length == 0 && !golden.Expected.GetProperty("raises").GetBoolean();
        if (complete)
        {
            Assert.Null(error);
            return;
        }

        Assert.NotNull(error);
        foreach (string key in missing.Concat(unexpected).Concat(mismatched))
        {
            Assert.Contains(key, error.Message, StringComparison.Ordinal);
        }

        string[] Names(string key) => [.. golden.Expected.GetProperty(key).EnumerateArray().Select(k => k.GetString()!)];
    }

    private static void CheckCausal(GoldenCase golden)
    {
        using var scope = NewDisposeScope();
        using var tensors = new GoldenTensors(golden);
        using CausalLM model = CausalLM.Load(golden.ModelFolder(), new LoadOptions { Dtype = TestTypes.Of(golden.Parameters.GetProperty("dtype").GetString()!) });
        Tensor ids = tensors["input.input_ids"];
        Tensor? mask = tensors.Find("input.attention_mask"), positions = tensors.Find("input.position_ids");
        Tensor? real = mask?.unsqueeze(-1);

        var hidden = new List<Tensor>();
        Tensor last = model.HiddenStates(ids, mask, positions, state => hidden.Add(state.detach().clone().DetachFromDisposeScope()));
        Tensor logits = model.Head.call(last);
        tensors.AssertClose("expected.logits", logits, real);
        if (tensors.Has("expected.last_hidden_state"))
        {
            tensors.AssertClose("expected.last_hidden_state", last, real);
        }

        for (int i = 0; tensors.Has($"expected.hidden_states.{i}"); i++)
        {
            tensors.AssertClose($"expected.hidden_states.{i}", hidden[i], real);
        }

        if (tensors.Has("expected.loss"))
        {
            Tensor labels = tensors["input.labels"];
            Tensor flat = logits.narrow(1, 0, logits.shape[1] - 1).reshape(-1, logits.shape[2]).to(ScalarType.Float32), wanted = labels.narrow(1, 1, labels.shape[1] - 1).reshape(-1);
            JsonElement items = golden.Parameters.GetProperty("num_items_in_batch");
            Tensor loss = items.ValueKind == JsonValueKind.Null
                ? nn.functional.cross_entropy(flat, wanted, ignore_index: -100)
                : nn.functional.cross_entropy(flat, wanted, ignore_index: -100, reduction: nn.Reduction.Sum) / items.GetDouble();
            tensors.AssertClose("expected.loss", loss);
            loss.backward();
            Dictionary<string, Parameter> parameters = model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
            foreach (string key in golden.Parameters.GetProperty("gradients").EnumerateArray().Select(g => g.GetString()!))
            {
                tensors.AssertClose($"expected.gradient.{key}", parameters[key].grad!);
            }
        }

        using var noGrad = no_grad();
        CheckCache(golden, tensors, model, ids, mask, positions);
        CheckGreedy(golden, tensors, model);
    }

    private static void CheckCache(GoldenCase golden, GoldenTensors tensors, CausalLM model, Tensor ids, Tensor? mask, Tensor? positions)
    {
        JsonElement spec = golden.Parameters.GetProperty("cache");
        if (spec.ValueKind == JsonValueKind.Null)
        {
            return;
        }

        int prefill = spec.GetProperty("prefill").GetInt32(), steps = spec.GetProperty("steps").GetInt32();
        using KvCache cache = model.NewCache();
        Tensor expected = tensors["expected.logits"];
        for (int at = 0, count = prefill; at < prefill + steps; at += count, count = 1)
        {
            Tensor part = model.Logits(ids.narrow(1, at, count), mask?.narrow(1, 0, at + count), positions?.narrow(1, at, count), cache);
            GoldenTensors.AssertClose($"cached logits from {at}", expected.narrow(1, at, count), part, golden.Absolute, golden.Relative, mask?.narrow(1, at, count).unsqueeze(-1));
        }
    }

    private static void CheckGreedy(GoldenCase golden, GoldenTensors tensors, CausalLM model)
    {
        if (golden.Parameters.GetProperty("max_new_tokens").GetInt32() == 0)
        {
            return;
        }

        Tensor expectedIds = tensors["expected.generated_ids"], expectedLogits = tensors["expected.generated_logits"];
        Tensor next = tensors["input.prompt_input_ids"];
        Tensor mask = tensors.Find("input.prompt_attention_mask") ?? ones_like(next);
        using KvCache cache = model.NewCache();
        for (int i = 0; i < expectedIds.shape[1]; i++)
        {
            Tensor positions = (mask.cumsum(1) - 1).clamp_min(0).narrow(1, mask.shape[1] - next.shape[1], next.shape[1]);
            Tensor logits = model.Logits(next, mask, positions, cache, lastOnly: true).squeeze(1);
            GoldenTensors.AssertClose($"generated logits {i}", expectedLogits.select(1, i), logits, golden.Absolute, golden.Relative);
            next = logits.argmax(-1, keepdim: true);
            Assert.Equal(expectedIds.select(1, i).data<long>().ToArray(), next.squeeze(1).data<long>().ToArray());
            mask = cat([mask, ones([mask.shape[0], 1], dtype: ScalarType.Int64)], 1);
        }
    }
}
